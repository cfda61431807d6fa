// Writes the fuzzer's first inputs, one sound message of every kind, into a folder: wire_seeds FOLDER
#include <filesystem>
#include <fstream>

#include "fuzz/wire_input.hpp"
#include "wire/graph_codec.hpp"

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    using namespace shoal;
    const std::filesystem::path folder = argv[1];
    std::filesystem::create_directories(folder);
    int number = 0;
    const auto write = [&](int target, const wire::Frames& frames) {
        const auto bytes = test::fuzz_bytes(target, frames);
        std::ofstream file(folder / ("seed-" + std::to_string(number++)), std::ios::binary);
        file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    };
    std::mt19937 random(1);
    for (const auto& message : test::every_message(random))
        write(static_cast<int>(message.direction), message.frames);
    for (const auto& graph : test::sample_graphs())
        write(test::kDirections, {base::SharedBytes::own(wire::encode_graph(graph))});
    return 0;
}
