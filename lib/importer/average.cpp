// Parameter aggregation: the weighted mean of models that were trained from the same start.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "base/error.hpp"
#include "importer/model.hpp"

namespace shoal::importer {
namespace {

using base::Code;
using base::fail;
using tensor::Tensor;

// Names that not every model has, or not with the same type, or whose integers differ; with the difference in words.
std::vector<std::string> differences(std::span<const Model> models) {
    std::set<std::string> names;
    for (const Model& model : models) {
        for (auto& name : model.initialisers())
            names.insert(std::move(name));
    }
    std::vector<std::string> out;
    for (const auto& name : names) {
        std::optional<Tensor> first;
        for (std::size_t i = 0; i < models.size(); ++i) {
            const auto own = models[i].initialisers();
            if (!std::binary_search(own.begin(), own.end(), name)) {
                out.push_back(base::text(name, " (not in model ", i + 1, ")"));
                break;
            }
            const Tensor tensor = models[i].initialiser(name);
            if (!first) {
                first = tensor;
            } else if (tensor.type() != first->type()) {
                out.push_back(base::text(name, " (", first->type(), " and ", tensor.type(), ")"));
                break;
            } else if (!tensor::is_floating(tensor.element()) &&
                       std::memcmp(tensor.bytes().data(), first->bytes().data(), tensor.bytes().size()) != 0) {
                out.push_back(name + " (integers that differ)");
                break;
            }
        }
    }
    return out;
}

Tensor mean(const std::string& name, std::span<const Model> models, std::span<const double> shares) {
    const Tensor first = models[0].initialiser(name);
    std::vector<double> sums(static_cast<std::size_t>(first.count()), 0.0);
    for (std::size_t m = 0; m < models.size(); ++m) {
        const auto values = tensor::to_doubles(models[m].initialiser(name));
        for (std::size_t i = 0; i < sums.size(); ++i)
            sums[i] += shares[m] * values[i];
    }
    return tensor::from_doubles(first.element(), first.shape(), sums);
}

}  // namespace

Model average(std::span<const Model> models, std::span<const double> weights) {
    if (models.empty()) fail(Code::invalid_argument, "no models to average");
    if (weights.size() != models.size())
        fail(Code::invalid_argument, models.size(), " models to average with ", weights.size(), " weights");
    double total = 0;
    for (const double weight : weights)
        total += weight;
    if (!std::isfinite(total) || total == 0)
        fail(Code::invalid_argument, "the weights of the average sum up to ", total);
    const auto differing = differences(models);
    if (!differing.empty()) {
        std::string list;
        for (const auto& difference : differing)
            list += "\n  " + difference;
        fail(Code::invalid_argument, "the models cannot be averaged, ", differing.size(), " weights differ:", list);
    }
    std::vector<double> shares;
    for (const double weight : weights)
        shares.push_back(weight / total);
    std::map<std::string, Tensor> values;
    for (const auto& name : models[0].initialisers()) {
        if (tensor::is_floating(models[0].initialiser(name).element()))
            values.emplace(name, mean(name, models, shares));
    }
    return models[0].with_initialisers(values);
}

}  // namespace shoal::importer
