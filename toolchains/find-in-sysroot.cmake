# Libraries, headers and packages are the board's, in SHOAL_SYSROOT; programs (flatc, protoc) are the build machine's.
set(CMAKE_SYSROOT ${SHOAL_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
# A sysroot of another release brings those that fit its libraries.
if(EXISTS ${SHOAL_SYSROOT}/build-tools/bin/flatc)
  set(FLATC ${SHOAL_SYSROOT}/build-tools/bin/flatc CACHE FILEPATH "Compiles the schemas of messages")
  set(Protobuf_PROTOC_EXECUTABLE ${SHOAL_SYSROOT}/build-tools/bin/protoc CACHE FILEPATH "Compiles ONNX' schema")
endif()
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${SHOAL_SYSROOT})
