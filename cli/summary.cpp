#include "cli/summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/file.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace shoal::cli {

using base::text;
using tensor::Tensor;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::int64_t kFew = 10;  // values that are printed as they are

bool is_row_of_scores(const Tensor& tensor) {
    constexpr std::int64_t kMost = 1'000'000;
    const auto& shape = tensor.shape();
    return tensor::is_floating(tensor.element()) && shape.rank() >= 2 && shape[0] == 1 && shape[1] == shape.count() &&
           shape.count() >= 2 && shape.count() <= kMost;
}

std::string label_of(std::int64_t index, const std::vector<std::string>& labels) {
    const auto at = static_cast<std::size_t>(index);
    return at < labels.size() ? labels[at] : "";
}

std::string classes_text(const std::vector<Class>& classes, const std::vector<std::string>& labels) {
    Table table({{"class", Column::Fit::number},
                 {"value", Column::Fit::number},
                 {"softmax", Column::Fit::number},
                 {labels.empty() ? "" : "label", Column::Fit::name}},
                2);
    for (const Class& row : classes) {
        table.add({std::to_string(row.index), number(row.value, 5), number(row.probability * 100, 3) + " %",
                   label_of(row.index, labels)});
    }
    return table.text();
}

std::string values_text(const Tensor& tensor) {
    std::vector<std::string> out;
    for (std::int64_t i = 0; i < tensor.count(); ++i) {
        out.push_back(tensor::is_floating(tensor.element()) ? number(tensor::element_as_double(tensor, i), 6)
                                                            : std::to_string(tensor::element_as_int(tensor, i)));
    }
    return wrapped(joined(out, " "), 2);
}

}  // namespace

Summary summarise(const Tensor& tensor) {
    Summary out;
    double sum = 0;
    out.least = std::numeric_limits<double>::infinity();
    out.greatest = -out.least;
    for (std::int64_t i = 0; i < tensor.count(); ++i) {
        const double value = tensor::element_as_double(tensor, i);
        if (!std::isfinite(value)) {
            ++out.not_finite;
            continue;
        }
        ++out.finite;
        sum += value;
        out.least = std::min(out.least, value);
        out.greatest = std::max(out.greatest, value);
    }
    if (out.finite == 0) return {0, out.not_finite};
    out.mean = sum / static_cast<double>(out.finite);
    return out;
}

std::vector<Class> best_classes(const Tensor& tensor, std::size_t most) {
    if (!is_row_of_scores(tensor)) return {};
    const auto values = tensor::to_doubles(tensor);
    const bool finite = std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
    if (!finite) return {};
    const double greatest = *std::max_element(values.begin(), values.end());
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    const bool probabilities = *std::min_element(values.begin(), values.end()) >= 0 && std::abs(sum - 1) < 1e-3;
    double total = 0;
    for (const double value : values)
        total += std::exp(value - greatest);
    std::vector<std::int64_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    const auto value_at = [&](std::int64_t i) { return values[static_cast<std::size_t>(i)]; };
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return value_at(a) > value_at(b); });
    order.resize(std::min(order.size(), most));
    std::vector<Class> out;
    for (const auto index : order) {
        const double value = value_at(index);
        out.push_back({index, value, probabilities ? value : std::exp(value - greatest) / total});
    }
    return out;
}

std::vector<std::string> read_labels(const std::string& path) {
    auto out = split(base::read_text(path), "\n");
    for (auto& label : out) {
        if (!label.empty() && label.back() == '\r') label.pop_back();
    }
    while (!out.empty() && out.back().empty())
        out.pop_back();
    return out;
}

std::string summary_text(const std::string& name, const Tensor& tensor, const std::vector<std::string>& labels) {
    const Summary all = summarise(tensor);
    std::string head = text(name, ' ', tensor.type());
    if (all.finite > 0) {
        head += text(" min ", number(all.least, 6), " max ", number(all.greatest, 6), " mean ", number(all.mean, 6));
    }
    if (all.not_finite > 0) head += text(" not finite: ", all.not_finite, " of ", tensor.count());
    head = wrapped(printable(head), 0);
    if (const auto classes = best_classes(tensor); !classes.empty()) return head + classes_text(classes, labels);
    return tensor.count() > 0 && tensor.count() <= kFew ? head + values_text(tensor) : head;
}

Json summary_json(const std::string& name, const Tensor& tensor, const std::vector<std::string>& labels) {
    const Summary all = summarise(tensor);
    Json out{{"name", name}, {"element", tensor::name(tensor.element())}, {"shape", tensor.shape().extents()}};
    if (all.finite > 0) {
        out["min"] = all.least;
        out["max"] = all.greatest;
        out["mean"] = all.mean;
    }
    out["not_finite"] = all.not_finite;
    for (const Class& row : best_classes(tensor)) {
        Json entry{{"class", row.index}, {"value", row.value}, {"probability", row.probability}};
        if (const auto label = label_of(row.index, labels); !label.empty()) entry["label"] = label;
        out["best"].push_back(entry);
    }
    return out;
}

}  // namespace shoal::cli
