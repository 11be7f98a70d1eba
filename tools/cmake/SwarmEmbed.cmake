# swarm_embed(<target> <symbol> <file>...): puts text files into the program, as
#   namespace swarm::embedded { extern const std::vector<text_file> <symbol>; }
# in the order of their names. `text_file` is declared in messages/text_file.hpp.

set(SWARM_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_DIR}/embed.cmake")

function(swarm_embed target symbol)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${symbol}.cpp")
  set(files ${ARGN})
  list(SORT files)
  add_custom_command(OUTPUT "${output}"
    COMMAND ${CMAKE_COMMAND} "-DSYMBOL=${symbol}" "-DOUTPUT=${output}" "-DFILES=${files}" -P "${SWARM_EMBED_SCRIPT}"
    DEPENDS ${files} "${SWARM_EMBED_SCRIPT}"
    COMMENT "Embedding ${symbol}" VERBATIM)
  target_sources(${target} PRIVATE "${output}")
endfunction()

# swarm_statement_names(<target> <file>...): a constant per SQL file, in statement_names.hpp, so that a statement that
# doesn't exist is a compile error.
function(swarm_statement_names target)
  set(code "#pragma once\n\n#include <string_view>\n\nnamespace swarm::store {\n\n")
  string(APPEND code "/// Names a file of runtime/store/sql.\nstruct statement_name {\n  std::string_view name;\n")
  string(APPEND code "  const char* c_str() const { return name.data(); } ///< Names are literals and end in NUL.\n};\n\n")
  string(APPEND code "namespace sql {\n\n")
  set(all "")
  foreach(file IN LISTS ARGN)
    get_filename_component(name "${file}" NAME_WE)
    string(APPEND code "inline constexpr statement_name ${name}{\"${name}\"};\n")
    list(APPEND all "${name}")
  endforeach()
  list(JOIN all ", " names)
  string(APPEND code "\ninline constexpr statement_name all[] = {${names}};\n\n} // namespace sql\n\n} // namespace swarm::store\n")
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/generated")
  file(CONFIGURE OUTPUT "${folder}/statement_names.hpp" CONTENT "${code}" @ONLY)
  target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${folder}>")
endfunction()
