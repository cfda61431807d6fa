#include "cli/random_inputs.hpp"

#include <random>

namespace shoal::cli {

session::Inputs random_inputs(const std::map<std::string, tensor::Type>& types, std::uint64_t seed) {
    std::mt19937_64 random(seed);  // its sequence is fixed by the standard, that of the distributions is not
    session::Inputs out;
    for (const auto& [name, type] : types) {
        std::vector<double> values(static_cast<std::size_t>(type.shape.count()));
        const bool real = tensor::is_floating(type.element);
        for (double& value : values) {
            const std::uint64_t bits = random();
            value = real ? static_cast<double>(bits >> 11) * 0x1p-52 - 1 : static_cast<double>(bits >> 63);
        }
        out.emplace(name, tensor::from_doubles(type.element, type.shape, values));
    }
    return out;
}

}  // namespace shoal::cli
