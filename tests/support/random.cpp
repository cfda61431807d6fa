#include "support/random.hpp"

#include <cmath>
#include <cstdlib>

namespace shoal::test {

unsigned seed() {
    const char* text = std::getenv("SHOAL_TEST_SEED");
    return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 1U;
}

std::mt19937 generator() {
    return std::mt19937(seed());
}

tensor::Tensor random_tensor(std::mt19937& random, const tensor::Type& type, double low, double high) {
    std::vector<double> values(static_cast<std::size_t>(type.shape.count()));
    if (type.element == tensor::ElementType::boolean) {
        for (double& value : values)
            value = static_cast<double>(random() % 2);
    } else if (tensor::is_floating(type.element)) {
        std::uniform_real_distribution<double> real(low, high);
        for (double& value : values)
            value = real(random);
    } else {
        std::uniform_int_distribution<std::int64_t> whole(std::llround(std::ceil(low)), std::llround(std::floor(high)));
        for (double& value : values)
            value = static_cast<double>(whole(random));
    }
    return tensor::from_doubles(type.element, type.shape, values);
}

}  // namespace shoal::test
