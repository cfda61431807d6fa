// Losses, which exported training graphs end in.
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

// -w[t] log p[t] for classes along axis 1, reduced by weight.
ValueId likelihood_loss(Context& c, ValueId log_probabilities) {
    Builder& b = c.builder();
    const Shape x = b.shape(log_probabilities);
    c.expect(x.rank() >= 2 && c.rank(1) == x.rank() - 1, "scores are ", x, ", labels ", c.type(1));
    const ElementType element = b.element(log_probabilities);
    const ValueId labels = unsqueeze(b, b.cast(c.in(1), ElementType::i64), {1});
    const ValueId classes = along_axis(b, b.iota(ElementType::i64, Shape{x[1]}, 0), 1, x.rank());
    ValueId weights = b.cast(b.map("equal", {labels, classes}), element);  // 1 at the label
    if (c.has(2)) weights = mul(b, weights, along_axis(b, c.in(2), 1, x.rank()));
    if (c.has_attribute("ignore_index")) {
        const ValueId ignored = number(b, labels, static_cast<double>(c.integer("ignore_index")));
        weights = select(b, b.map("equal", {labels, ignored}), number(b, weights, 0), weights);
    }
    const ValueId picked = b.reduce("sum", mul(b, weights, log_probabilities), {1});
    const ValueId losses = squeeze(b, b.map("neg", {picked}), {1});
    const std::string reduction = c.text("reduction", "mean");
    c.expect(reduction == "mean" || reduction == "sum" || reduction == "none", "reduction '", reduction, "'");
    if (reduction == "none") return losses;
    const ValueId sum = b.reshape(b.reduce("sum", losses, all_axes(b.shape(losses))), Shape{});
    if (reduction == "sum") return sum;
    return divide(b, sum, b.reshape(b.reduce("sum", weights, all_axes(b.shape(weights))), Shape{}));
}

Values negative_log_likelihood(Context& c) {
    Builder& b = c.builder();
    return {b.cast(likelihood_loss(c, widened(b, c.in(0))), c.element(0))};
}

Values softmax_cross_entropy(Context& c) {
    Builder& b = c.builder();
    const ValueId logarithms = log_softmax(b, widened(b, c.in(0)), {1});
    return {b.cast(likelihood_loss(c, logarithms), c.element(0)), b.cast(logarithms, c.element(0))};
}

const Row kRows[] = {
    {"", "NegativeLogLikelihoodLoss", 1, 0, negative_log_likelihood},
    {"", "SoftmaxCrossEntropyLoss", 1, 0, softmax_cross_entropy},
};

}  // namespace

namespace families {
const Family losses{kRows};
}

}  // namespace shoal::importer
