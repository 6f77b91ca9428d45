# SPDX-License-Identifier: MIT
# Lines of "series entries seconds" become an SVG with two logarithmic axes.
function x(entries) { return 70 + (log(entries) / log(10) - 3) * 160 }
function y(seconds) { return 40 + (2 - log(seconds < 0.001 ? 0.001 : seconds) / log(10)) * 70 }
{
  if (!($1 in path)) { order[++series] = $1 }
  path[$1] = path[$1] (path[$1] == "" ? "M" : "L") sprintf("%.1f %.1f ", x($2), y($3))
  last_x[$1] = x($2); last_y[$1] = y($3)
}
END {
  split("#c0392b #2c3e50 #16a085 #8e44ad", colour, " ")
  print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"660\" height=\"440\" font-family=\"sans-serif\" font-size=\"12\">"
  print "<rect width=\"660\" height=\"440\" fill=\"white\"/>"
  print "<text x=\"70\" y=\"22\" font-size=\"14\">Seconds for an image of empty files in one directory</text>"
  for (power = 3; power <= 6; ++power)
    printf "<path d=\"M%d 40V390\" stroke=\"#ddd\"/><text x=\"%d\" y=\"408\" text-anchor=\"middle\">%d</text>\n", x(10 ^ power), x(10 ^ power), 10 ^ power
  for (power = -3; power <= 2; ++power)
    printf "<path d=\"M70 %dH550\" stroke=\"#ddd\"/><text x=\"62\" y=\"%d\" text-anchor=\"end\">%g</text>\n", y(10 ^ power), y(10 ^ power) + 4, 10 ^ power
  print "<text x=\"310\" y=\"430\" text-anchor=\"middle\">entries</text>"
  for (i = 1; i <= series; ++i) {
    name = order[i]
    printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/><text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">%s</text>\n", path[name], colour[i], last_x[name] + 6, last_y[name] + 4, colour[i], name
  }
  print "</svg>"
}
