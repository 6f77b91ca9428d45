# cmake -DRAWIMG=<the program, behind what runs it> -DDIRECTORY=<where the pages go> -P manual.cmake
# One page a command and a topic, as the program lists them: man1/rawimg-build.1, man7/rawimg-json.7.
cmake_minimum_required(VERSION 3.25)

function(write_page file) # WORD...
  execute_process(COMMAND ${RAWIMG} help --man ${ARGN} OUTPUT_FILE ${DIRECTORY}/${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

execute_process(COMMAND ${RAWIMG} help --json OUTPUT_VARIABLE contents COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE_RECURSE ${DIRECTORY})
file(MAKE_DIRECTORY ${DIRECTORY}/man1 ${DIRECTORY}/man7)
foreach(kind commands topics)
  set(section 1)
  if(kind STREQUAL "topics")
    set(section 7)
  endif()
  string(JSON count LENGTH "${contents}" result ${kind})
  math(EXPR last "${count} - 1")
  foreach(i RANGE ${last})
    string(JSON name GET "${contents}" result ${kind} ${i})
    write_page(man${section}/rawimg-${name}.${section} ${name})
    # a second name of the program
    if(name STREQUAL "gem5img")
      file(WRITE ${DIRECTORY}/man1/gem5img.1 ".so man1/rawimg-gem5img.1\n")
    endif()
  endforeach()
endforeach()
write_page(man1/rawimg.1)
