// Fuzzes every decoder of the wire: whatever the bytes, base::Error or a message that can be encoded again.
//   wire_seeds FOLDER && wire_fuzz FOLDER
#include <cstdint>

#include "fuzz/wire_input.hpp"
#include "wire/graph_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shoal;
    const auto input = test::fuzz_input(std::as_bytes(std::span(data, size)));
    if (input.frames.empty()) return 0;
    try {
        if (input.target < test::kDirections)
            static_cast<void>(test::recoded(static_cast<test::Direction>(input.target), input.frames));
        else
            static_cast<void>(wire::digest_of(wire::decode_graph(input.frames[0].view())));
    } catch (const base::Error&) {}
    return 0;
}
