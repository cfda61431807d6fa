// recurrent: one direction of an LSTM, GRU or simple RNN over time; the input's projection x W^T + b comes ready made,
// since it is one large matrix product for all steps.
//   gates [T, B, G*H], r [G*H, H], r_bias [G*H]?, h0 [B, H]?, c0 [B, H]? (lstm), peephole [3*H]? (lstm), lengths i32
//   [B]?
//   -> y [T, B, H], h [B, H], and for lstm c [B, H]
//   attributes: cell ("lstm" | "gru" | "rnn"), activations (scalar functions, blank-separated, one letter each of f, g,
//   h), alphas, betas (their p and q), clip (0: none), input_forget, linear_before_reset, reverse (1: from the last
//   step) G and the order of gates as in ONNX: lstm 4 (input, output, forget, cell), gru 3 (update, reset, hidden),
//   rnn 1. Behind a sequence's length y is 0; h and c are those of its last step.
// Source: ONNX operators LSTM, GRU and RNN, version 14, "Equations".
#include <algorithm>
#include <sstream>

#include "graph/cards.hpp"
#include "graph/cards/support.hpp"
#include "graph/scalar_function.hpp"

namespace shoal::graph {
namespace {

enum Input : std::size_t { kGates, kR, kRBias, kH0, kC0, kPeephole, kLengths };

int gate_count(const Signature& s) {
    const auto& cell = s.attrs.text("cell");
    if (cell == "lstm") return 4;
    if (cell == "gru") return 3;
    if (cell == "rnn") return 1;
    refuse("recurrent: cell '", cell, "'");
}

std::vector<const ScalarFunction*> activations(const Signature& s) {
    std::vector<const ScalarFunction*> out;
    std::istringstream names(s.attrs.text("activations"));
    for (std::string name; names >> name;) {
        const auto* row = find_scalar_function(name);
        if (row == nullptr || row->arity != 1 || row->real == nullptr) refuse("recurrent: activation '", name, "'");
        out.push_back(row);
    }
    const std::size_t wanted = s.attrs.text("cell") == "lstm" ? 3 : s.attrs.text("cell") == "gru" ? 2 : 1;
    if (out.size() != wanted)
        refuse("recurrent: ", out.size(), " activations, ", s.attrs.text("cell"), " takes ", wanted);
    return out;
}

std::vector<Type> infer(const Signature& s) {
    const int gates = gate_count(s);
    (void)activations(s);
    const Shape &x = s.in(kGates).shape, &r = s.in(kR).shape;
    if (x.rank() != 3 || r.rank() != 2 || r[0] != gates * r[1] || x[2] != r[0])
        refuse("recurrent: gates ", s.in(kGates), ", r ", s.in(kR));
    const std::int64_t batch = x[1], hidden = r[1];
    const auto expect = [&](std::size_t i, const Shape& shape, ElementType element) {
        if (s.has(i) && s.in(i) != Type{element, shape})
            refuse("recurrent: input ", i, " is ", s.in(i), ", must be ", Type{element, shape});
    };
    const ElementType element = s.in(kGates).element;
    if (!tensor::is_floating(element) || s.in(kR).element != element)
        refuse("recurrent: gates ", s.in(kGates), ", r ", s.in(kR));
    expect(kRBias, Shape{gates * hidden}, element);
    expect(kH0, Shape{batch, hidden}, element);
    expect(kC0, Shape{batch, hidden}, element);
    expect(kPeephole, Shape{3 * hidden}, element);
    expect(kLengths, Shape{batch}, ElementType::i32);
    std::vector<Type> out{{element, Shape{x[0], batch, hidden}}, {element, Shape{batch, hidden}}};
    if (gates == 4) out.push_back(out[1]);
    return out;
}

double flops(const Signature& s) {
    const Shape& y = s.out().shape;
    return static_cast<double>(y.count()) * (2.0 * static_cast<double>(y[2]) * gate_count(s) + 60);
}

std::vector<SplitAxis> splits(const Signature& s) {
    std::vector<int> axes(s.outputs.size(), 0);
    axes[0] = 1;
    const std::int64_t batch = s.out().shape[1];
    if (batch < 2) return {};
    return {{"batch", batch, 1, Merge::concat, axes}};
}

Shard shard(const Signature& s, const SplitAxis&, std::int64_t begin, std::int64_t end) {
    Shard out{s.attrs, std::vector<InputSlice>(s.inputs.size())};
    out.inputs[kGates] = {1, begin, end};
    for (const std::size_t i : {std::size_t{kH0}, std::size_t{kC0}, std::size_t{kLengths}}) {
        if (s.has(i)) out.inputs[i] = {0, begin, end};
    }
    return out;
}

// One sequence of the batch, walked step by step.
class Walker {
public:
    Walker(const Signature& s, std::span<const Tensor* const> inputs)
        : s_(s), functions_(activations(s)), hidden_(static_cast<std::size_t>(s.in(kR).shape[1])) {
        for (std::size_t i = 0; i < inputs.size(); ++i)
            values_.push_back(inputs[i] != nullptr ? tensor::to_doubles(*inputs[i]) : std::vector<double>());
        values_.resize(kLengths + 1);
    }

    void run(std::size_t b, std::vector<double>& y, std::vector<double>& h_out, std::vector<double>& c_out) {
        const Shape& x = s_.in(kGates).shape;
        const auto steps = static_cast<std::size_t>(x[0]), batch = static_cast<std::size_t>(x[1]);
        const std::size_t length = values_[kLengths].empty()
                                       ? steps
                                       : std::min(steps, static_cast<std::size_t>(std::max(0.0, values_[kLengths][b])));
        h_ = initial(kH0, b);
        c_ = initial(kC0, b);
        for (std::size_t n = 0; n < length; ++n) {
            const std::size_t t = s_.attrs.integer("reverse") != 0 ? length - 1 - n : n;
            step(values_[kGates].data() + (t * batch + b) * gates() * hidden_);
            std::copy(h_.begin(), h_.end(), y.begin() + static_cast<std::ptrdiff_t>((t * batch + b) * hidden_));
        }
        std::copy(h_.begin(), h_.end(), h_out.begin() + static_cast<std::ptrdiff_t>(b * hidden_));
        if (!c_out.empty()) std::copy(c_.begin(), c_.end(), c_out.begin() + static_cast<std::ptrdiff_t>(b * hidden_));
    }

private:
    [[nodiscard]] std::size_t gates() const { return static_cast<std::size_t>(gate_count(s_)); }

    std::vector<double> initial(std::size_t input, std::size_t b) const {
        if (values_[input].empty()) return std::vector<double>(hidden_, 0.0);
        const auto from = values_[input].begin() + static_cast<std::ptrdiff_t>(b * hidden_);
        return {from, from + static_cast<std::ptrdiff_t>(hidden_)};
    }

    double activate(std::size_t which, double value) const {
        const double clip = s_.attrs.real("clip");
        if (clip > 0) value = std::clamp(value, -clip, clip);
        return functions_[which]->real(value, 0, 0, parameter("alphas", which), parameter("betas", which));
    }

    double parameter(std::string_view name, std::size_t which) const {
        for (const auto& [key, value] : s_.attrs.all()) {
            if (key != name) continue;
            const auto& list = std::get<std::vector<double>>(value);
            return which < list.size() ? list[which] : 0;
        }
        return 0;
    }

    double bias(std::size_t row) const { return values_[kRBias].empty() ? 0 : values_[kRBias][row]; }
    double peephole(std::size_t which, std::size_t j) const {
        return values_[kPeephole].empty() ? 0 : values_[kPeephole][which * hidden_ + j];
    }

    // r[gate, j, :] . state + r_bias[gate, j]
    double recur(std::size_t gate, std::size_t j, const std::vector<double>& state) const {
        const std::size_t row = gate * hidden_ + j;
        double sum = bias(row);
        for (std::size_t k = 0; k < hidden_; ++k)
            sum += values_[kR][row * hidden_ + k] * state[k];
        return sum;
    }

    void step(const double* x) {
        const auto& cell = s_.attrs.text("cell");
        if (cell == "lstm")
            lstm(x);
        else if (cell == "gru")
            gru(x);
        else
            rnn(x);
    }

    void rnn(const double* x) {
        std::vector<double> next(hidden_);
        for (std::size_t j = 0; j < hidden_; ++j)
            next[j] = activate(0, x[j] + recur(0, j, h_));
        h_ = std::move(next);
    }

    void gru(const double* x) {
        const bool linear_before_reset = s_.attrs.integer("linear_before_reset") != 0;
        std::vector<double> update(hidden_), reset(hidden_), scaled(hidden_), next(hidden_);
        for (std::size_t j = 0; j < hidden_; ++j) {
            update[j] = activate(0, x[j] + recur(0, j, h_));
            reset[j] = activate(0, x[hidden_ + j] + recur(1, j, h_));
            scaled[j] = reset[j] * h_[j];
        }
        for (std::size_t j = 0; j < hidden_; ++j) {
            const double memory = linear_before_reset ? reset[j] * recur(2, j, h_) : recur(2, j, scaled);
            next[j] = (1 - update[j]) * activate(1, x[2 * hidden_ + j] + memory) + update[j] * h_[j];
        }
        h_ = std::move(next);
    }

    void lstm(const double* x) {
        const bool input_forget = s_.attrs.integer("input_forget") != 0;
        std::vector<double> next(hidden_), cell(hidden_);
        for (std::size_t j = 0; j < hidden_; ++j) {
            const double in = activate(0, x[j] + recur(0, j, h_) + peephole(0, j) * c_[j]);
            const double forget =
                input_forget ? 1 - in : activate(0, x[2 * hidden_ + j] + recur(2, j, h_) + peephole(2, j) * c_[j]);
            cell[j] = forget * c_[j] + in * activate(1, x[3 * hidden_ + j] + recur(3, j, h_));
            const double out = activate(0, x[hidden_ + j] + recur(1, j, h_) + peephole(1, j) * cell[j]);
            const auto* squash = functions_[2];
            next[j] = out * squash->real(cell[j], 0, 0, parameter("alphas", 2), parameter("betas", 2));
        }
        h_ = std::move(next);
        c_ = std::move(cell);
    }

    const Signature& s_;
    std::vector<const ScalarFunction*> functions_;
    std::size_t hidden_;
    std::vector<std::vector<double>> values_;
    std::vector<double> h_, c_;
};

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    std::vector<std::vector<double>> results;
    for (const Tensor& out : outputs)
        results.emplace_back(static_cast<std::size_t>(out.count()));
    results.resize(3);
    Walker walker(s, inputs);
    for (std::size_t b = 0; b < static_cast<std::size_t>(s.in(kGates).shape[1]); ++b)
        walker.run(b, results[0], results[1], results[2]);
    for (std::size_t i = 0; i < outputs.size(); ++i)
        outputs[i] = tensor::from_doubles(s.out(i).element, s.out(i).shape, results[i]);
}

}  // namespace

namespace cards {
const Card recurrent{
    .name = "recurrent",
    .min_inputs = 2,
    .max_inputs = 7,
    .attributes = {{"cell", "s"},
                   {"activations", "s"},
                   {"alphas", "F?"},
                   {"betas", "F?"},
                   {"clip", "f"},
                   {"input_forget", "i"},
                   {"linear_before_reset", "i"},
                   {"reverse", "i"}},
    .infer = infer,
    .flops = flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
