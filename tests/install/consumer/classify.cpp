// Runs a model on zeros and prints what it says.
#include <cstdio>
#include <shoal/shoal.hpp>

int main(int, char** arguments) {
    try {
        shoal::Model model(arguments[1], shoal::Place::device("host"));
        const shoal_value input = model.inputs().at(0);
        std::vector<std::int64_t> shape(input.shape, input.shape + input.rank);
        std::size_t count = 1;
        for (auto& extent : shape)
            count *= static_cast<std::size_t>(extent = extent < 0 ? 1 : extent);
        const std::vector<float> zeros(count);
        const auto outputs = model.run({{input.name, shoal::array<float>(shape, zeros)}});
        for (const float score : outputs[0].as<float>())
            std::printf("%g ", static_cast<double>(score));
        return outputs[0].as<float>().empty() ? 1 : 0;
    } catch (const shoal::Error& error) {
        std::fprintf(stderr, "%s: %s\n", shoal_status_name(error.code()), error.what());
        return 1;
    }
}
