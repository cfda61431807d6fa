// Operators of ai.onnx.ml that scikit-learn's linear models, neural networks and scalers become. Definitions follow the
// public operator specification of that domain, version 1 to 4. Labels are integers; trees and text are not here.
#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

ValueId single(Context& c, int i) {
    return c.builder().cast(c.in(i), ElementType::f32);
}

// One number for all columns, or one each.
ValueId per_column(Context& c, std::string_view name, ValueId like) {
    const auto values = c.reals(name);
    const std::int64_t columns = c.builder().shape(like).back();
    const auto count = static_cast<std::int64_t>(values.size());
    c.expect(count == 1 || count == columns, name, " has ", count, " numbers for ", columns, " columns");
    return table_of(c.builder(), ElementType::f32, Shape{count}, values);
}

Values scaler(Context& c) {
    Builder& b = c.builder();
    ValueId x = single(c, 0);
    c.expect(b.shape(x).rank() > 0, "a single number has no columns");
    if (c.has_attribute("offset")) x = sub(b, x, per_column(c, "offset", x));
    return {c.has_attribute("scale") ? mul(b, x, per_column(c, "scale", x)) : x};
}

ValueId post_transformed(Context& c, ValueId scores) {
    Builder& b = c.builder();
    const auto kind = c.text("post_transform", "NONE");
    if (kind == "NONE") return scores;
    if (kind == "LOGISTIC") return b.map("sigmoid", {scores});
    if (kind == "SOFTMAX") return softmax(b, scores, {b.shape(scores).rank() - 1});
    c.unsupported("post_transform '", kind, "'");
}

// [N, columns] times coefficients [targets, columns], plus intercepts.
ValueId linear(Context& c, std::int64_t targets) {
    Builder& b = c.builder();
    ValueId x = single(c, 0);
    if (b.shape(x).rank() == 1) x = unsqueeze(b, x, {0});
    const auto coefficients = c.reals("coefficients");
    const std::int64_t columns = b.shape(x).rank() == 2 ? b.shape(x).back() : -1;
    c.expect(targets > 0 && static_cast<std::int64_t>(coefficients.size()) == targets * columns, coefficients.size(),
             " coefficients for ", targets, " targets and ", b.type(x));
    ValueId out = b.matmul(x, table_of(b, ElementType::f32, Shape{targets, columns}, coefficients), true);
    if (c.has_attribute("intercepts")) out = add(b, out, per_column(c, "intercepts", out));
    return out;
}

Values linear_regressor(Context& c) {
    return {post_transformed(c, linear(c, c.integer("targets", 1)))};
}

// Labels of the highest scores, and the scores. One row of coefficients for two classes: its sign decides.
Values linear_classifier(Context& c) {
    Builder& b = c.builder();
    if (!c.has_attribute("classlabels_ints")) c.unsupported("labels that are no integers");
    const Ints labels = c.ints("classlabels_ints");
    const auto rows = static_cast<std::int64_t>(c.reals("intercepts").size());
    c.expect(rows > 0, "it has no intercepts, which say how many rows of coefficients there are");
    ValueId scores = linear(c, rows);
    if (rows == 1 && labels.size() == 2) {
        const bool logistic = c.text("post_transform", "NONE") == "LOGISTIC";
        if (!logistic && c.text("post_transform", "NONE") != "NONE")
            c.unsupported("two classes by one row of this kind");
        const ValueId one = logistic ? sub(b, number(b, scores, 0), scores) : sub(b, number(b, scores, 1), scores);
        const ValueId both = b.concat({one, scores}, 1);
        const ValueId chosen = b.cast(b.map("greater", {scores, number(b, scores, 0)}), ElementType::i64);
        const ValueId label = b.gather(vector_of(b, labels), b.reshape(chosen, Shape{b.shape(scores)[0]}), 0);
        return {label, logistic ? b.map("sigmoid", {both}) : both};
    }
    c.expect(static_cast<std::int64_t>(labels.size()) == rows, labels.size(), " labels for ", rows, " scores");
    const Values best = b.add(graph::cards::arg_reduce, {scores},
                              {{"fn", std::string("max")}, {"axis", std::int64_t{1}}, {"last", std::int64_t{0}}});
    const ValueId position = b.reshape(best[0], Shape{b.shape(scores)[0]});
    return {b.gather(vector_of(b, labels), position, 0), post_transformed(c, scores)};
}

Values normalizer(Context& c) {
    Builder& b = c.builder();
    const ValueId x = single(c, 0);
    const auto norm = c.text("norm", "MAX");
    const Ints axes{b.shape(x).rank() - 1};
    c.expect(axes[0] >= 0, "a single number has no norm");
    ValueId size = kNoValue;
    if (norm == "MAX") size = b.reduce("max", absolute(b, x), axes);
    if (norm == "L1") size = b.reduce("sum", absolute(b, x), axes);
    if (norm == "L2") size = b.map("sqrt", {b.reduce("sum", mul(b, x, x), axes)});
    c.expect(size != kNoValue, "norm '", norm, "'");
    // Rows of zeros stay as they are.
    return {divide(b, x, select(b, b.map("equal", {size, number(b, size, 0)}), number(b, size, 1), size))};
}

// Columns by number, from a matrix or a vector.
Values array_feature_extractor(Context& c) {
    Builder& b = c.builder();
    const ValueId indices = b.reshape(c.in(1), Shape{c.shape(1).count()});
    const ValueId x = c.rank(0) == 1 ? unsqueeze(b, c.in(0), {0}) : c.in(0);
    c.expect(c.rank(0) > 0, "a single number has no columns");
    return {b.gather(x, indices, b.shape(x).rank() - 1)};
}

Values binarizer(Context& c) {
    Builder& b = c.builder();
    const ValueId above = b.map("greater", {c.in(0), number(b, c.in(0), c.real("threshold", 0))});
    return {b.cast(above, c.element(0))};
}

constexpr std::string_view kLearning = "ai.onnx.ml";

const Row kRows[] = {
    {kLearning, "ArrayFeatureExtractor", 1, 0, array_feature_extractor},
    {kLearning, "Binarizer", 1, 0, binarizer},
    {kLearning, "LinearClassifier", 1, 0, linear_classifier},
    {kLearning, "LinearRegressor", 1, 0, linear_regressor},
    {kLearning, "Normalizer", 1, 0, normalizer},
    {kLearning, "Scaler", 1, 0, scaler},
};

}  // namespace

namespace families {
const Family learning{kRows};
}

}  // namespace shoal::importer
