// One program binary on disk, as the cache and the folders of ahead-of-time kernels hold it. Little-endian:
//
//   offset  size
//        0     8  "SHOALCL" and the format's version, 1
//        8    32  key: digest of source text and options
//       40    32  digest of the binary
//       72     4  length i of the identity
//       76     4  length n of the program's name
//       80     8  length b of the binary
//       88     i  identity of the device, driver and versions that it was built by (device::DeviceInfo::identity)
//     88+i     n  the program's name, for people
//   88+i+n     b  the binary, as clGetProgramInfo(CL_PROGRAM_BINARIES) gave it; the file ends here
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/digest.hpp"

namespace shoal::opencl {

struct ProgramFile {
    base::Digest key;
    std::string identity;
    std::string name;
    base::SharedBytes binary;
};

[[nodiscard]] std::vector<std::byte> encode(const ProgramFile& file);

/// Absent when the bytes are anything but a whole, undamaged program file. The binary shares `bytes`.
[[nodiscard]] std::optional<ProgramFile> decode_program_file(const base::SharedBytes& bytes);

}  // namespace shoal::opencl
