# Called at build time by swarm_embed(): writes one C++ source that holds the given text files.
set(code "#include \"messages/text_file.hpp\"\n\nnamespace swarm::embedded {\n\n")
string(APPEND code "extern const std::vector<text_file> ${SYMBOL};\nconst std::vector<text_file> ${SYMBOL} = {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" text)
  # A string literal may hold 64 KiB by the standard; files of statements stay far below it.
  string(APPEND code "  {\"${name}\", R\"~swarm~(${text})~swarm~\"},\n")
endforeach()
string(APPEND code "};\n\n} // namespace swarm::embedded\n")
file(WRITE "${OUTPUT}" "${code}")
