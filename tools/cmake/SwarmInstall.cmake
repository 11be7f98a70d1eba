# `cmake --install`, and a package for programs that embed the runtime: find_package(swarm), link swarm::runtime.
include(CMakePackageConfigHelpers)

set_target_properties(swarm_options PROPERTIES EXPORT_NAME options)
get_property(libraries GLOBAL PROPERTY SWARM_LIBRARIES)
install(TARGETS ${libraries} swarm_options EXPORT swarm ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT swarm NAMESPACE swarm:: DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/swarm")

foreach(folder messages config runtime actors)
  install(DIRECTORY ${folder} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/swarm" FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(FILES "${PROJECT_BINARY_DIR}/runtime/store/generated/statement_names.hpp"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/swarm")

configure_package_config_file(tools/cmake/swarmConfig.cmake.in "${PROJECT_BINARY_DIR}/swarmConfig.cmake"
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/swarm")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/swarmConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/swarmConfig.cmake" "${PROJECT_BINARY_DIR}/swarmConfigVersion.cmake"
              tools/cmake/FindCAF.cmake
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/swarm")
