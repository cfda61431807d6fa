# The libraries Shoal stands on, all of them Debian packages; tests/install-packages.sh installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenCL REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(zmq REQUIRED IMPORTED_TARGET libzmq>=4.3)
if(SHOAL_BUILD_IMPORTER)
  find_package(Protobuf REQUIRED)
endif()
