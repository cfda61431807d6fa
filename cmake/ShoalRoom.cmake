# The standard headers that most files include are compiled once and taken as they are (SHOAL_PRECOMPILE); every file
# still names what it uses.
option(SHOAL_PRECOMPILE "Compile the standard headers once for all files" ON)
set(SHOAL_PRECOMPILED <algorithm> <array> <atomic> <chrono> <cmath> <condition_variable> <cstdint> <cstring> <deque>
  <filesystem> <functional> <limits> <map> <memory> <mutex> <optional> <set> <span> <sstream> <string> <string_view>
  <thread> <unordered_map> <utility> <variant> <vector>)

# shoal_precompiled(TARGET FROM): TARGET takes what FROM precompiled, unless it has a file in C.
function(shoal_precompiled target from)
  get_target_property(sources ${target} SOURCES)
  if(SHOAL_PRECOMPILE AND NOT "${sources}" MATCHES "\\.c(;|$)")
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()

# shoal_precompile(NAME [header...]): the target NAME, which precompiles the standard headers and the further ones.
function(shoal_precompile name)
  if(SHOAL_PRECOMPILE)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/precompiled.cpp  # left alone when it is there
      CONTENT "// What is compiled stands in the headers.\n")
    add_library(${name} STATIC ${PROJECT_BINARY_DIR}/generated/precompiled.cpp)
    target_link_libraries(${name} PRIVATE shoal_warnings)
    target_precompile_headers(${name} PRIVATE ${SHOAL_PRECOMPILED} ${ARGN})
  endif()
endfunction()

# shoal_room(NAME [SOURCES ...] [USES room...] [LINK target...] [LINK_PRIVATE target...])
# A room of the house: the static library shoal_NAME, alias shoal::NAME. The link lines repeat lib/layers.txt.
function(shoal_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES;LINK;LINK_PRIVATE")
  add_library(shoal_${name} STATIC ${arg_SOURCES})
  add_library(shoal::${name} ALIAS shoal_${name})
  target_include_directories(shoal_${name} PUBLIC
    ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/lib ${PROJECT_BINARY_DIR}/generated)
  list(TRANSFORM arg_USES PREPEND shoal::)
  target_link_libraries(shoal_${name} PUBLIC ${arg_USES} ${arg_LINK} PRIVATE ${arg_LINK_PRIVATE} shoal_warnings)
  shoal_precompiled(shoal_${name} shoal_precompiled_rooms)
  set_property(GLOBAL APPEND PROPERTY SHOAL_ROOMS shoal_${name})
endfunction()

add_library(shoal_warnings INTERFACE)
target_compile_options(shoal_warnings INTERFACE
  -Wall -Wextra $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> -Wcast-align
  $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  $<$<BOOL:${SHOAL_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(shoal_warnings INTERFACE -Wshadow)
else()
  target_compile_options(shoal_warnings INTERFACE -Wshadow=local)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
    # False alarms on std::string, GCC bugs 105329 and 105651; from a precompiled header they are not kept back.
    target_compile_options(shoal_warnings INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
  endif()
endif()

if(SHOAL_SANITIZE)
  add_compile_options(-fsanitize=${SHOAL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SHOAL_SANITIZE})
endif()
if(SHOAL_BUILD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)  # what the fuzzers see of the libraries
endif()

shoal_precompile(shoal_precompiled_rooms)
