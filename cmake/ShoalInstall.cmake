# What `cmake --install` gives: the public headers, one library with every room in it, and what find_package(shoal), the
# target shoal::shoal and `pkg-config shoal` need in another project. The command installs itself (cli). Components:
# library, what a program runs with; development, what it is built with; command.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY SHOAL_ROOMS)
if(BUILD_SHARED_LIBS)
  # Of the whole house only the C interface is seen from outside, with versions.
  set(map ${PROJECT_SOURCE_DIR}/lib/capi/libshoal.map)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/shoal.cpp CONTENT "// Everything is in the rooms.\n")
  add_library(shoal SHARED ${PROJECT_BINARY_DIR}/generated/shoal.cpp)
  target_link_libraries(shoal PRIVATE
    -Wl,--whole-archive,$<TARGET_FILE:shoal_capi>,--no-whole-archive shoal_capi)
  add_dependencies(shoal shoal_capi)
  target_link_options(shoal PRIVATE -Wl,--version-script=${map} -Wl,--no-undefined)
  set_target_properties(shoal PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} LINK_DEPENDS ${map})
  install(TARGETS shoal LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library
    NAMELINK_COMPONENT development)
  set(SHOAL_LIBRARY_KIND SHARED)
  set(SHOAL_LIBRARY_FILE libshoal.so)
else()
  set(archive ${PROJECT_BINARY_DIR}/libshoal.a)
  set(archives "")
  foreach(room IN LISTS rooms)
    list(APPEND archives $<TARGET_FILE:${room}>)
  endforeach()
  add_custom_command(OUTPUT ${archive}
    COMMAND ${CMAKE_COMMAND} -DAR=${CMAKE_AR} -DOUTPUT=${archive} "-DARCHIVES=${archives}"
      -P ${PROJECT_SOURCE_DIR}/cmake/MergeArchives.cmake
    DEPENDS ${rooms} ${PROJECT_SOURCE_DIR}/cmake/MergeArchives.cmake
    COMMENT "Joining the rooms to libshoal.a" VERBATIM)
  add_custom_target(shoal_archive ALL DEPENDS ${archive})
  install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  set(SHOAL_LIBRARY_KIND STATIC)
  set(SHOAL_LIBRARY_FILE libshoal.a)
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/shoal DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/shoal)
set(library_folder ${CMAKE_INSTALL_LIBDIR})
set(SHOAL_NEEDS_PROTOBUF ${SHOAL_BUILD_IMPORTER})
set(include_folder ${CMAKE_INSTALL_INCLUDEDIR})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/shoalConfig.cmake.in
  ${PROJECT_BINARY_DIR}/generated/shoalConfig.cmake
  INSTALL_DESTINATION ${package} PATH_VARS library_folder include_folder)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/generated/shoalConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/generated/shoalConfig.cmake
  ${PROJECT_BINARY_DIR}/generated/shoalConfigVersion.cmake DESTINATION ${package} COMPONENT development)

# An archive brings its dependencies with it, a shared library has its own.
set(SHOAL_PC_REQUIRES "")
set(SHOAL_PC_LIBS "")
if(SHOAL_LIBRARY_KIND STREQUAL STATIC)
  set(SHOAL_PC_REQUIRES "libzmq libsodium OpenCL")
  if(SHOAL_BUILD_IMPORTER)
    string(APPEND SHOAL_PC_REQUIRES " protobuf-lite")
  endif()
  set(SHOAL_PC_LIBS "-lstdc++ -lm -ldl -pthread")
endif()
file(RELATIVE_PATH SHOAL_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)  # wherever the folder is moved to
configure_file(${PROJECT_SOURCE_DIR}/cmake/shoal.pc.in ${PROJECT_BINARY_DIR}/generated/shoal.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/generated/shoal.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT development)
