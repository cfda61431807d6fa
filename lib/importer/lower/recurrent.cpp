// LSTM, GRU and RNN: the input's projection is one matrix product over all steps, the walk over time a core operator.
// Source of gate orders and defaults: ONNX operators LSTM, GRU and RNN, version 22.
#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

struct Activation {
    std::string_view name;      // as ONNX has it
    std::string_view function;  // as the scalar functions have it
    Parameter alpha{}, beta{};  // with a name where the activation takes the parameter
};
constexpr Activation kActivations[] = {
    {"Affine", "affine", {"alpha", 1}, {"beta", 0}},
    {"Elu", "elu", {"alpha", 1}},
    {"HardSigmoid", "hard_sigmoid", {"alpha", 0.2}, {"beta", 0.5}},
    {"LeakyRelu", "leaky_relu", {"alpha", 0.01}},
    {"Relu", "relu"},
    {"ScaledTanh", "scaled_tanh", {"alpha", 1}, {"beta", 1}},
    {"Sigmoid", "sigmoid"},
    {"Softplus", "softplus"},
    {"Softsign", "softsign"},
    {"Tanh", "tanh"},
    {"ThresholdedRelu", "thresholded_relu", {"alpha", 1}},
};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

const Activation& activation_of(Context& c, const std::string& name) {
    for (const auto& row : kActivations) {
        if (equal_ignoring_case(row.name, name)) return row;
    }
    c.unsupported("activation '", name, "'");
}

/// What the kinds of cell differ in.
struct Cell {
    std::string name;
    std::int64_t gates;
    std::vector<std::string> activations;  // of one direction, when the file names none
};

struct Direction {
    std::string activations;  // blank-separated
    std::vector<double> alphas, betas;
};

// Splits the activations over the directions and hands each parameter to the next activation that takes one.
std::vector<Direction> directions_of(Context& c, const Cell& cell, std::size_t count) {
    auto names = c.texts("activations");
    if (names.empty()) {
        for (std::size_t d = 0; d < count; ++d)
            names.insert(names.end(), cell.activations.begin(), cell.activations.end());
    }
    const std::size_t each = cell.activations.size();
    c.expect(names.size() == each * count, names.size(), " activations, must be ", each * count);
    const auto alphas = c.reals("activation_alpha"), betas = c.reals("activation_beta");
    std::size_t next_alpha = 0, next_beta = 0;
    const auto take = [](const Parameter& parameter, const std::vector<double>& list, std::size_t& next) {
        if (parameter.attribute.empty()) return 0.0;
        return next < list.size() ? list[next++] : parameter.otherwise;
    };
    std::vector<Direction> out(count);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const Activation& row = activation_of(c, names[i]);
        Direction& direction = out[i / each];
        direction.activations += (direction.activations.empty() ? "" : " ") + std::string(row.function);
        direction.alphas.push_back(take(row.alpha, alphas, next_alpha));
        direction.betas.push_back(take(row.beta, betas, next_beta));
    }
    return out;
}

// Entry `d` of the first axis, without it.
ValueId entry(Builder& b, ValueId x, std::size_t d) {
    return squeeze(b, b.slice_axis(x, 0, static_cast<std::int64_t>(d), 1), {0});
}

class Lowerer {
public:
    Lowerer(Context& c, Cell cell) : c_(c), b_(c.builder()), cell_(std::move(cell)) {
        c.expect(c.rank(0) == 3 && c.rank(1) == 3 && c.rank(2) == 3, "x is ", c.type(0), ", w ", c.type(1), ", r ",
                 c.type(2));
        batch_first_ = c.flag("layout", false);
        hidden_ = c.shape(2)[2];
        const std::string direction = c.text("direction", "forward");
        c.expect(direction == "forward" || direction == "reverse" || direction == "bidirectional", "direction '",
                 direction, "'");
        backwards_ = direction == "reverse";
        const std::size_t count = direction == "bidirectional" ? 2 : 1;
        c.expect(c.shape(1)[0] == static_cast<std::int64_t>(count) && c.shape(2)[0] == c.shape(1)[0], "weights for ",
                 c.shape(1)[0], " directions, it has ", count);
        directions_ = directions_of(c, cell_, count);
    }

    // Outputs: y [T, D, B, H], then the last states [D, B, H].
    Values run() {
        const ValueId x = batch_first_ ? b_.transpose(c_.in(0), {1, 0, 2}) : c_.in(0);
        std::vector<Values> parts;
        for (std::size_t d = 0; d < directions_.size(); ++d)
            parts.push_back(walk(x, d));
        Values out;
        for (std::size_t i = 0; i < parts[0].size(); ++i) {
            const int axis = i == 0 ? 1 : 0;  // where the directions lie
            Values along;
            for (const auto& part : parts)
                along.push_back(unsqueeze(b_, part[i], {axis}));
            const ValueId whole = b_.concat(std::move(along), axis);
            out.push_back(!batch_first_ ? whole
                          : i == 0      ? b_.transpose(whole, {2, 0, 1, 3})
                                        : b_.transpose(whole, {1, 0, 2}));
        }
        return out;
    }

private:
    Values walk(ValueId x, std::size_t d) {
        const bool after_reset = cell_.name == "gru" && c_.flag("linear_before_reset", false);
        ValueId gates = b_.matmul(x, entry(b_, c_.in(1), d), true);
        ValueId recurrent_bias = kNoValue;
        if (c_.has(3)) {
            const std::int64_t rows = cell_.gates * hidden_;
            const ValueId bias = entry(b_, c_.in(3), d);
            c_.expect(b_.shape(bias) == Shape{2 * rows}, "bias is ", c_.type(3));
            const ValueId of_input = b_.slice_axis(bias, 0, 0, rows), of_state = b_.slice_axis(bias, 0, rows, rows);
            gates = add(b_, gates, after_reset ? of_input : add(b_, of_input, of_state));
            if (after_reset) recurrent_bias = of_state;
        }
        const ValueId lengths = c_.has(4) ? b_.cast(c_.in(4), ElementType::i32) : kNoValue;
        Values inputs{gates,          entry(b_, c_.in(2), d),
                      recurrent_bias, state(5, d),
                      state(6, d),    c_.has(7) ? entry(b_, c_.in(7), d) : kNoValue,
                      lengths};
        const Direction& direction = directions_[d];
        return b_.add(graph::cards::recurrent, std::move(inputs),
                      {{"cell", cell_.name},
                       {"activations", direction.activations},
                       {"alphas", direction.alphas},
                       {"betas", direction.betas},
                       {"clip", c_.real("clip", 0)},
                       {"input_forget", c_.integer("input_forget", 0)},
                       {"linear_before_reset", std::int64_t{after_reset}},
                       {"reverse", std::int64_t{backwards_ || d == 1}}});
    }

    ValueId state(int input, std::size_t d) {
        if (!c_.has(input)) return kNoValue;
        return entry(b_, batch_first_ ? b_.transpose(c_.in(input), {1, 0, 2}) : c_.in(input), d);
    }

    Context& c_;
    Builder& b_;
    Cell cell_;
    bool batch_first_ = false, backwards_ = false;
    std::int64_t hidden_ = 0;
    std::vector<Direction> directions_;
};

Values lstm(Context& c) {
    return Lowerer(c, {"lstm", 4, {"Sigmoid", "Tanh", "Tanh"}}).run();
}
Values gru(Context& c) {
    return Lowerer(c, {"gru", 3, {"Sigmoid", "Tanh"}}).run();
}
Values rnn(Context& c) {
    return Lowerer(c, {"rnn", 1, {"Tanh"}}).run();
}

const Row kRows[] = {
    {"", "GRU", 7, 0, gru},
    {"", "LSTM", 7, 0, lstm},
    {"", "RNN", 7, 0, rnn},
};

}  // namespace

namespace families {
const Family recurrent{kRows};
}

}  // namespace shoal::importer
