# What `cmake --install` gives: the public headers, one library with every room in it, and what find_package(shoal), the
# target shoal::shoal and `pkg-config shoal` need in another project. The command installs itself (cli). Components:
# library, what a program runs with; development, what it is built with; command.
#
# BUILD_SHARED_LIBS chooses the library's kind. Where tests are built, a static build has the shared library too, as the
# components test_library and test_development, which are installed by name only.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Programs name this number of the library that they need (its soname), so it changes when they must be compiled again and
# at no other time.
file(STRINGS ${PROJECT_SOURCE_DIR}/include/shoal/shoal.h abi_line REGEX "^#define SHOAL_ABI [0-9]+$")
string(REGEX REPLACE ".* " "" SHOAL_ABI "${abi_line}")

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/shoal)
set(library_folder ${CMAKE_INSTALL_LIBDIR})
set(include_folder ${CMAKE_INSTALL_INCLUDEDIR})
set(SHOAL_NEEDS_PROTOBUF ${SHOAL_BUILD_IMPORTER})
file(RELATIVE_PATH SHOAL_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)  # wherever the folder is moved to

# The shared library. Of the whole house only the C interface is seen from outside, with versions.
function(shoal_install_shared component development)
  set(map ${PROJECT_SOURCE_DIR}/lib/capi/libshoal.map)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/shoal.cpp CONTENT "// Everything is in the rooms.\n")
  add_library(shoal SHARED ${PROJECT_BINARY_DIR}/generated/shoal.cpp)
  target_link_libraries(shoal PRIVATE
    -Wl,--whole-archive,$<TARGET_FILE:shoal_capi>,--no-whole-archive shoal_capi)
  add_dependencies(shoal shoal_capi)
  target_link_options(shoal PRIVATE -Wl,--version-script=${map} -Wl,--no-undefined)
  set_target_properties(shoal PROPERTIES
    VERSION ${SHOAL_ABI}.${PROJECT_VERSION} SOVERSION ${SHOAL_ABI} LINK_DEPENDS ${map})
  install(TARGETS shoal LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component}
    NAMELINK_COMPONENT ${development} ${ARGN})
endfunction()

function(shoal_install_archive development)
  get_property(rooms GLOBAL PROPERTY SHOAL_ROOMS)
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
  install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${development})
endfunction()

# What programs are built with beside the library of that kind, STATIC or SHARED.
function(shoal_install_development SHOAL_LIBRARY_KIND SHOAL_LIBRARY_FILE development)
  set(made ${PROJECT_BINARY_DIR}/generated/${development})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/shoal DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT ${development} ${ARGN} FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/shoalConfig.cmake.in ${made}/shoalConfig.cmake
    INSTALL_DESTINATION ${package} PATH_VARS library_folder include_folder)
  write_basic_package_version_file(${made}/shoalConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${made}/shoalConfig.cmake ${made}/shoalConfigVersion.cmake DESTINATION ${package}
    COMPONENT ${development} ${ARGN})
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
  configure_file(${PROJECT_SOURCE_DIR}/cmake/shoal.pc.in ${made}/shoal.pc @ONLY)
  install(FILES ${made}/shoal.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT ${development} ${ARGN})
endfunction()

if(BUILD_SHARED_LIBS)
  shoal_install_shared(library development)
  shoal_install_development(SHARED libshoal.so development)
else()
  shoal_install_archive(development)
  shoal_install_development(STATIC libshoal.a development)
  # Sanitizers and fuzzers leave symbols open that the program brings.
  if(SHOAL_BUILD_TESTS AND NOT SHOAL_SANITIZE AND NOT SHOAL_BUILD_FUZZERS)
    shoal_install_shared(test_library test_development EXCLUDE_FROM_ALL)
    shoal_install_development(SHARED libshoal.so test_development EXCLUDE_FROM_ALL)
  endif()
endif()
