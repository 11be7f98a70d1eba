# How every target of this tree is compiled, and the one function that makes a folder a target.

get_filename_component(SWARM_SOURCE_DIR "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(SWARM_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")
option(SWARM_CCACHE "Use ccache when it is installed" ON)

find_program(SWARM_CCACHE_PROGRAM ccache)
if(SWARM_CCACHE AND SWARM_CCACHE_PROGRAM)
  # ccache only caches a precompiled header's users when told that time stamps and macros don't matter.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${SWARM_CCACHE_PROGRAM})
endif()

# What every target of this tree inherits. A program that links the installed libraries gets the include directory and
# the definitions, not our warnings.
add_library(swarm_options INTERFACE)
set(flags -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
    -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND flags "SHELL:-Xclang -fno-pch-timestamp") # or ccache would never know a precompiled header again
elseif(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  list(APPEND flags -Wno-restrict) # g++ 12 sees overlapping copies in harmless assignments of short strings
endif()
if(SWARM_SANITIZE)
  # Not what CAF's own headers do in every program: they bind a reference to *std::shared_ptr<std::tuple<>>{} and cast the
  # sentinel of a queue to an element. A null pointer that is really used ends the program all the same.
  list(APPEND flags -fsanitize=${SWARM_SANITIZE} -fno-sanitize=null,vptr -fno-sanitize-recover=all)
  target_link_options(swarm_options INTERFACE -fsanitize=${SWARM_SANITIZE})
endif()
target_compile_options(swarm_options INTERFACE "$<BUILD_INTERFACE:${flags}>")
target_include_directories(swarm_options INTERFACE
  "$<BUILD_INTERFACE:${SWARM_SOURCE_DIR}>" "$<INSTALL_INTERFACE:include/swarm>")
# An unregistered message type becomes a compile error instead of a lost message.
target_compile_definitions(swarm_options INTERFACE CAF_ENABLE_TYPE_ID_CHECKS)
target_compile_features(swarm_options INTERFACE cxx_std_20)

# swarm_folder(<name> [PUBLIC lib...] [PRIVATE lib...]): a static library of every source in this folder.
function(swarm_folder name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  add_library(swarm_${name} STATIC ${sources} ${arg_SOURCES})
  add_library(swarm::${name} ALIAS swarm_${name})
  set_target_properties(swarm_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(swarm_${name} PUBLIC swarm_options ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY SWARM_LIBRARIES swarm_${name})
endfunction()
