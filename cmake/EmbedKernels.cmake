# Run as a script: writes OUTPUT, a C++ file that holds each of KERNELS byte by byte under its name without ".cl".
list(SORT KERNELS)
set(arrays "")
set(rows "")
foreach(path IN LISTS KERNELS)
  get_filename_component(name ${path} NAME_WE)
  file(READ ${path} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," hex "${hex}")
  string(APPEND arrays "constexpr char k_${name}[] = {\n${hex}'\\0'};\n")
  string(APPEND rows "    {\"${name}\", {k_${name}, ${size}}},\n")
endforeach()
file(WRITE ${OUTPUT} "// Generated from the kernel files by cmake/EmbedKernels.cmake.
#include \"opencl/kernel_table.hpp\"

namespace shoal::opencl {
namespace {

${arrays}
constexpr KernelText kTexts[] = {
${rows}};

}  // namespace

std::span<const KernelText> kernel_texts() noexcept {
    return kTexts;
}

}  // namespace shoal::opencl
")
