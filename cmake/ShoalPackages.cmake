# `cmake --build BUILD --target package` writes the Debian packages into BUILD. The preset `package` builds for them.
#
#   shoal         the command. A package of its own because both services need it, and so does a machine that is neither
#   shoal-node    the unit, settings, user and keys of a board
#   shoal-hub     the same of a hub
#   libshoal1     the shared library, with BUILD_SHARED_LIBS; named after its soname, so that one for newer programs is
#                 installed beside it
#   libshoal-dev  headers, find_package(shoal), pkg-config
set(services "")
foreach(service node hub)
  if(NOT TARGET shoal_command OR (service STREQUAL hub AND NOT SHOAL_BUILD_HUB))
    continue()
  endif()
  list(APPEND services ${service})
  set(groups "")
  if(service STREQUAL node)
    set(groups "video render")  # who may use GPUs
  endif()
  set(control ${PROJECT_BINARY_DIR}/packaging/${service})
  foreach(script postinst prerm postrm)
    configure_file(${PROJECT_SOURCE_DIR}/packaging/deb/${script}.in ${control}/${script} @ONLY
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endforeach()
  file(WRITE ${control}/conffiles "/etc/shoal/${service}.toml\n")
  install(FILES ${PROJECT_SOURCE_DIR}/packaging/systemd/shoal-${service}.service
    DESTINATION lib/systemd/system COMPONENT ${service} EXCLUDE_FROM_ALL)
  install(FILES ${PROJECT_SOURCE_DIR}/packaging/config/${service}.toml
    DESTINATION /etc/shoal COMPONENT ${service} EXCLUDE_FROM_ALL)

  string(TOUPPER ${service} SERVICE)
  set(CPACK_DEBIAN_${SERVICE}_PACKAGE_NAME shoal-${service})
  set(CPACK_DEBIAN_${SERVICE}_PACKAGE_ARCHITECTURE all)
  set(CPACK_DEBIAN_${SERVICE}_PACKAGE_SHLIBDEPS OFF)
  set(CPACK_DEBIAN_${SERVICE}_PACKAGE_DEPENDS "shoal (>= ${PROJECT_VERSION}), adduser")
  set(CPACK_DEBIAN_${SERVICE}_PACKAGE_CONTROL_STRICT_PERMISSION ON)
  set(CPACK_DEBIAN_${SERVICE}_PACKAGE_CONTROL_EXTRA
    ${control}/postinst ${control}/prerm ${control}/postrm ${control}/conffiles)
endforeach()
set(opencl_driver "pocl-opencl-icd | opencl-icd")
set(CPACK_DEBIAN_NODE_PACKAGE_RECOMMENDS ${opencl_driver})
set(CPACK_DEBIAN_NODE_DESCRIPTION "A board of the cluster: the service shoal-node, which offers this machine's
OpenCL devices, its settings in /etc/shoal/node.toml, and its keys.")
set(CPACK_DEBIAN_HUB_DESCRIPTION "The hub of the cluster: the service shoal-hub, which plans, merges and answers,
its settings in /etc/shoal/hub.toml, and its keys.")

set(components ${services})
if(TARGET shoal_command)
  list(APPEND components command)
  install(FILES ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_SOURCE_DIR}/docs/service.md
    ${PROJECT_SOURCE_DIR}/docs/security.md ${PROJECT_SOURCE_DIR}/docs/cluster.md
    DESTINATION share/doc/shoal COMPONENT command EXCLUDE_FROM_ALL)
endif()
set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME shoal)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SUGGESTS ${opencl_driver})
set(CPACK_DEBIAN_COMMAND_DESCRIPTION "The shoal command: runs ONNX models on OpenCL devices, alone or on a cluster of
boards that talk over an encrypted network, and is hub and node of it.")

if(BUILD_SHARED_LIBS)
  list(APPEND components library)
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libshoal${SHOAL_ABI} (= ${PROJECT_VERSION})")
else()
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libzmq3-dev, libsodium-dev, libprotobuf-dev, ocl-icd-opencl-dev, pkg-config")
endif()
list(APPEND components development)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libshoal${SHOAL_ABI})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS ${opencl_driver})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "The shared library with which a program runs ONNX models on OpenCL devices and
clusters, or is a node or a hub itself.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libshoal-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "What programs are built with: headers for C and C++, find_package(shoal) and
pkg-config.")

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGE_NAME shoal)
set(CPACK_PACKAGE_CONTACT "The Shoal authors <shoal@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
if(CMAKE_CROSSCOMPILING)
  # dpkg-shlibdeps knows only packages of the machine that it runs on.
  set(SHOAL_DEBIAN_DEPENDS
    "libc6, libgcc-s1, libstdc++6, libzmq5, libsodium23, libprotobuf-lite32, ocl-icd-libopencl1 | libopencl1"
    CACHE STRING "What the packages for another architecture depend on; the default is Debian 12's names")
  foreach(component COMMAND LIBRARY)
    set(CPACK_DEBIAN_${component}_PACKAGE_SHLIBDEPS OFF)
    set(CPACK_DEBIAN_${component}_PACKAGE_DEPENDS ${SHOAL_DEBIAN_DEPENDS})
  endforeach()
  set(debian_aarch64 arm64)
  set(debian_arm armhf)
  set(debian_armv7l armhf)
  set(debian_armv7 armhf)
  set(debian_riscv64 riscv64)
  set(debian_x86_64 amd64)
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${debian_${CMAKE_SYSTEM_PROCESSOR}})
endif()
include(CPack)
