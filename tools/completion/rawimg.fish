# fish completion for rawimg, which knows itself what fits.
# SPDX-License-Identifier: MIT

function __rawimg_candidates
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    if string match -qr '(^|/)gem5img(\.py)?$' -- $program
        set program (string replace -r 'gem5img(\.py)?$' rawimg -- $program)
        set -p words gem5img
    end
    # a token with an open quote is no word yet
    set -l word (string unescape -- $token; or string unescape -- $token'"'; or string unescape -- $token"'")
    set -l found ($program complete --shell fish -- $words "$word" 2>/dev/null </dev/null | string split0)
    set -l mode $found[1]
    set -e found[1]
    if set -q found[1]
        printf '%s\0' $found
    end
    if test "$mode" = files
        for path in (__fish_complete_path (string replace -r '^--[a-z-]+=' '' -- $token))
            printf '%s\0' (string match -r '^--[a-z-]+=' -- $token)$path
        end
    end
end

for program in rawimg gem5img gem5img.py
    complete -c $program -f -a '(__rawimg_candidates | string split0)'
end
