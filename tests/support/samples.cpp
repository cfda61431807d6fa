#include "support/samples.hpp"

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "graph/scalar_function.hpp"

namespace shoal::test {

using graph::Attrs;
using graph::Builder;
using graph::Card;
using graph::Ints;
using graph::Shape;
using graph::Type;
using tensor::ElementType;
namespace cards = graph::cards;

namespace {

constexpr auto kF32 = ElementType::f32;

}  // namespace

Sample one_operator(const std::string& what, const Card& card, const std::vector<Type>& inputs, Attrs attrs) {
    Builder builder(what);
    builder.set_folding(false);
    std::vector<graph::ValueId> ids;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const bool left_out = inputs[i] == Type{ElementType::boolean, Shape{}};
        ids.push_back(left_out ? graph::kNoValue : builder.input(base::text("in", i), inputs[i]));
    }
    const auto outputs = builder.add(card, ids, std::move(attrs));
    for (std::size_t i = 0; i < outputs.size(); ++i)
        builder.output(base::text("out", i), outputs[i]);
    return {base::text(card.name, ' ', what), builder.finish()};
}

void fit_range(Sample& row, const graph::ScalarFunction& fn) {
    if (fn.domain == graph::ScalarFunction::Domain::integer) row.low = 0, row.high = 7;
    const bool half_open = fn.name == "sqrt" || fn.name == "rsqrt" || fn.name == "log" || fn.name == "pow" ||
                           fn.name == "fmod" || fn.name == "floor_mod";
    if (half_open) row.low = 0.25;
    if (fn.name == "log1p" || fn.name == "asin" || fn.name == "acos" || fn.name == "atanh")
        row.low = -0.9, row.high = 0.9;
    if (fn.name == "acosh") row.low = 1.0;
}

namespace {

class Rows {
public:
    Sample& add(const std::string& what, const Card& card, const std::vector<Type>& inputs, Attrs attrs = {}) {
        rows_.push_back(one_operator(what, card, inputs, std::move(attrs)));
        return rows_.back();
    }
    std::vector<Sample> take() { return std::move(rows_); }

private:
    std::vector<Sample> rows_;
};

Attrs window(Ints kernel_for_pool, Ints strides, Ints dilations, Ints begin, Ints end) {
    Attrs out{{"strides", std::move(strides)},
              {"dilations", std::move(dilations)},
              {"pads_begin", std::move(begin)},
              {"pads_end", std::move(end)}};
    if (!kernel_for_pool.empty()) out.set("kernel", std::move(kernel_for_pool));
    return out;
}

Attrs conv(Ints strides, Ints dilations, Ints begin, Ints end, std::int64_t groups = 1) {
    return window({}, std::move(strides), std::move(dilations), std::move(begin), std::move(end)).set("groups", groups);
}

void add_maps(Rows& rows) {
    for (const auto& fn : graph::scalar_functions()) {
        using Domain = graph::ScalarFunction::Domain;
        const ElementType element = fn.domain == Domain::integer   ? ElementType::i32
                                    : fn.domain == Domain::boolean ? ElementType::boolean
                                                                   : kF32;
        std::vector<Type> inputs(static_cast<std::size_t>(fn.arity), Type{element, Shape{3, 13}});
        if (fn.result == graph::ScalarFunction::Result::chosen) inputs[0].element = ElementType::boolean;
        if (fn.arity == 2) inputs[1].shape = Shape{13};
        auto& row = rows.add(std::string(fn.name), cards::map, inputs,
                             Attrs{{"fn", std::string(fn.name)}, {"p", 0.75}, {"q", 1.25}});
        fit_range(row, fn);
    }
    rows.add("add i64 broadcast both ways", cards::map, {{ElementType::i64, {3, 1, 5}}, {ElementType::i64, {4, 1}}},
             {{"fn", std::string("add")}})
        .high = 9;
    rows.add("mul f64", cards::map, {{ElementType::f64, {7}}, {ElementType::f64, {7}}}, {{"fn", std::string("mul")}});
    rows.add("add f16", cards::map, {{ElementType::f16, {5, 3}}, {ElementType::f16, {5, 3}}},
             {{"fn", std::string("add")}});
    rows.add("relu long", cards::map, {{kF32, {2, 7, 129}}}, {{"fn", std::string("relu")}});
}

void add_movement(Rows& rows) {
    rows.add("f32 to i8", cards::cast, {{kF32, {3, 13}}}, {{"to", static_cast<std::int64_t>(ElementType::i8)}}).high =
        100;
    rows.add("i32 to f32", cards::cast, {{ElementType::i32, {13, 2}}}, {{"to", static_cast<std::int64_t>(kF32)}});
    rows.add("merging axes", cards::reshape, {{kF32, {4, 3, 5}}}, {{"shape", Ints{4, 15}}});
    rows.add("splitting an axis", cards::reshape, {{kF32, {12, 5}}}, {{"shape", Ints{4, 3, 5}}});
    rows.add("regrouping", cards::reshape, {{kF32, {4, 6}}}, {{"shape", Ints{2, 12}}});
    rows.add("to channels last", cards::transpose, {{kF32, {2, 3, 5, 4}}}, {{"perm", Ints{0, 2, 3, 1}}});
    rows.add("swap", cards::transpose, {{ElementType::i8, {13, 16}}}, {{"perm", Ints{1, 0}}});
    rows.add("steps both ways", cards::slice, {{kF32, {9, 13}}},
             {{"begins", Ints{1, 12}}, {"sizes", Ints{4, 5}}, {"steps", Ints{2, -3}}});
    rows.add("one row", cards::slice, {{kF32, {3, 16}}},
             {{"begins", Ints{1, 0}}, {"sizes", Ints{1, 16}}, {"steps", Ints{1, 1}}});
    rows.add("constant", cards::pad, {{kF32, {3, 5}}},
             {{"before", Ints{2, 1}}, {"after", Ints{0, 3}}, {"mode", std::string("constant")}, {"value", 1.5}});
    for (const char* mode : {"edge", "reflect", "wrap"}) {
        rows.add(mode, cards::pad, {{kF32, {4, 5, 3}}},
                 {{"before", Ints{0, 3, 2}}, {"after", Ints{0, 4, 1}}, {"mode", std::string(mode)}, {"value", 0.0}});
    }
    rows.add("three parts", cards::concat, {{kF32, {2, 3, 4}}, {kF32, {2, 1, 4}}, {kF32, {2, 5, 4}}},
             {{"axis", std::int64_t{1}}});
    rows.add("last axis", cards::concat, {{kF32, {3, 5}}, {kF32, {3, 16}}}, {{"axis", std::int64_t{1}}});
    rows.add("middle and front", cards::expand, {{kF32, {3, 1, 4}}}, {{"shape", Ints{2, 3, 5, 4}}});
    rows.add("positions", cards::iota, {},
             {{"element", static_cast<std::int64_t>(ElementType::i64)},
              {"shape", Ints{3, 13}},
              {"axis", std::int64_t{1}},
              {"start", 2.0},
              {"step", 3.0}});
    rows.add("fractions", cards::iota, {},
             {{"element", static_cast<std::int64_t>(kF32)},
              {"shape", Ints{3, 37}},
              {"axis", std::int64_t{1}},
              {"start", -0.9955},
              {"step", 0.0089}});
    rows.add("beyond 32 bits", cards::iota, {},
             {{"element", static_cast<std::int64_t>(ElementType::i64)},
              {"shape", Ints{5}},
              {"axis", std::int64_t{0}},
              {"start", -5e9},
              {"step", 3e9}});
    rows.add("rows", cards::gather, {{kF32, {7, 5}}, {ElementType::i64, {3, 2}}}, {{"axis", std::int64_t{0}}}).low = -7;
    rows.add("columns", cards::gather, {{kF32, {2, 7, 3}}, {ElementType::i32, {4}}}, {{"axis", std::int64_t{1}}}).high =
        6;
    for (const char* fn : {"set", "add", "mul", "max", "min"}) {
        rows.add(fn, cards::scatter, {{kF32, {7, 3}}, {ElementType::i64, {5}}, {kF32, {5, 3}}},
                 {{"fn", std::string(fn)}})
            .high = 6;
    }
}

void add_reductions(Rows& rows) {
    for (const char* fn : {"sum", "product", "max", "min"}) {
        rows.add(std::string(fn) + " of rows", cards::reduce, {{kF32, {3, 13}}},
                 {{"fn", std::string(fn)}, {"axes", Ints{1}}});
        rows.add(std::string(fn) + " of two axes", cards::reduce, {{kF32, {2, 5, 3, 7}}},
                 {{"fn", std::string(fn)}, {"axes", Ints{1, 2}}});
    }
    rows.add("sum i64", cards::reduce, {{ElementType::i64, {5, 3}}}, {{"fn", std::string("sum")}, {"axes", Ints{0}}})
        .high = 9;
    rows.add("max, first", cards::arg_reduce, {{kF32, {3, 13, 2}}},
             {{"fn", std::string("max")}, {"axis", std::int64_t{1}}, {"last", std::int64_t{0}}});
    rows.add("min i32, last", cards::arg_reduce, {{ElementType::i32, {3, 13}}},
             {{"fn", std::string("min")}, {"axis", std::int64_t{1}}, {"last", std::int64_t{1}}});
    rows.add("exclusive reverse", cards::cumulate, {{kF32, {3, 5, 2}}},
             {{"axis", std::int64_t{1}}, {"exclusive", std::int64_t{1}}, {"reverse", std::int64_t{1}}});
    rows.add("plain", cards::cumulate, {{kF32, {13}}},
             {{"axis", std::int64_t{0}}, {"exclusive", std::int64_t{0}}, {"reverse", std::int64_t{0}}});
    rows.add("largest 4 of 13", cards::topk, {{kF32, {3, 13}}},
             {{"axis", std::int64_t{1}}, {"k", std::int64_t{4}}, {"largest", std::int64_t{1}}});
    rows.add("smallest of ties", cards::topk, {{ElementType::i32, {9, 2}}},
             {{"axis", std::int64_t{0}}, {"k", std::int64_t{9}}, {"largest", std::int64_t{0}}});
    rows.add("largest 127 of a long row", cards::topk, {{kF32, {2, 4099, 3}}},
             {{"axis", std::int64_t{1}}, {"k", std::int64_t{127}}, {"largest", std::int64_t{1}}});
    rows.add("a long row of ties, sorted", cards::topk, {{ElementType::i32, {4099}}},
             {{"axis", std::int64_t{0}}, {"k", std::int64_t{4099}}, {"largest", std::int64_t{0}}});
    rows.add("one of a long row", cards::topk, {{ElementType::f16, {1, 4099}}},
             {{"axis", std::int64_t{1}}, {"k", std::int64_t{1}}, {"largest", std::int64_t{1}}});
}

void add_contractions(Rows& rows) {
    const auto matmul = [](bool transposed) { return Attrs{{"transpose_b", std::int64_t{transposed}}}; };
    rows.add("13 x 7 x 5", cards::matmul, {{kF32, {13, 7}}, {kF32, {7, 5}}}, matmul(false));
    rows.add("transposed", cards::matmul, {{kF32, {3, 16}}, {kF32, {33, 16}}}, matmul(true));
    rows.add("one row", cards::matmul, {{kF32, {1, 130}}, {kF32, {17, 130}}}, matmul(true));
    rows.add("four batch axes, i32", cards::matmul,
             {{ElementType::i32, {2, 3, 2, 2, 4, 3}}, {ElementType::i32, {2, 3, 2, 2, 3, 5}}}, matmul(false))
        .high = 9;
    rows.add("five batch axes, broadcast", cards::matmul, {{kF32, {2, 3, 1, 2, 4, 3}}, {kF32, {2, 2, 3, 6}}},
             matmul(false));
    rows.add("batched, broadcast", cards::matmul, {{kF32, {2, 1, 4, 3}}, {kF32, {5, 3, 6}}}, matmul(false));
    rows.add("u8 by i8", cards::matmul, {{ElementType::u8, {3, 9}}, {ElementType::i8, {9, 4}}}, matmul(false)).low = 0;
    rows.add("i64", cards::matmul, {{ElementType::i64, {3, 9}}, {ElementType::i64, {9, 4}}}, matmul(false)).high = 9;
    rows.add("3x3", cards::conv, {{kF32, {2, 7, 9, 5}}, {kF32, {6, 3, 3, 5}}}, conv({1, 1}, {1, 1}, {1, 1}, {1, 1}));
    rows.add("3x3 stride 2, uneven padding", cards::conv, {{kF32, {1, 11, 8, 3}}, {kF32, {17, 3, 3, 3}}},
             conv({2, 2}, {1, 1}, {0, 1}, {1, 0}));
    rows.add("5x3 dilated", cards::conv, {{kF32, {1, 13, 9, 4}}, {kF32, {3, 5, 3, 4}}},
             conv({1, 2}, {2, 3}, {4, 0}, {1, 3}));
    rows.add("1x1", cards::conv, {{kF32, {1, 5, 3, 16}}, {kF32, {33, 1, 1, 16}}}, conv({1, 1}, {1, 1}, {0, 0}, {0, 0}));
    rows.add("depthwise", cards::conv, {{kF32, {1, 7, 6, 18}}, {kF32, {18, 3, 3, 1}}},
             conv({1, 1}, {1, 1}, {1, 1}, {1, 1}, 18));
    rows.add("grouped", cards::conv, {{kF32, {1, 5, 6, 12}}, {kF32, {8, 3, 3, 3}}},
             conv({1, 1}, {1, 1}, {1, 1}, {1, 1}, 4));
    rows.add("one axis", cards::conv, {{kF32, {2, 30, 4}}, {kF32, {5, 7, 4}}}, conv({3}, {1}, {2}, {2}));
    rows.add("three axes", cards::conv, {{kF32, {1, 4, 5, 6, 2}}, {kF32, {3, 2, 3, 2, 2}}},
             conv({1, 2, 1}, {1, 1, 2}, {1, 0, 1}, {0, 1, 1}));
    rows.add("mostly padding", cards::conv, {{kF32, {1, 2, 2, 3}}, {kF32, {4, 3, 3, 3}}},
             conv({1, 1}, {1, 1}, {4, 3}, {4, 5}));
    rows.add("u8 by i8", cards::conv, {{ElementType::u8, {1, 5, 5, 3}}, {ElementType::i8, {4, 3, 3, 3}}},
             conv({1, 1}, {1, 1}, {1, 1}, {1, 1}))
        .low = 0;
    for (const char* fn : {"max", "sum", "argmax"}) {
        rows.add(fn, cards::pool, {{kF32, {2, 9, 7, 5}}},
                 window({3, 2}, {2, 1}, {1, 2}, {1, 0}, {1, 1}).set("fn", std::string(fn)));
    }
    rows.add("max one axis", cards::pool, {{kF32, {1, 30, 17}}},
             window({5}, {2}, {1}, {0}, {1}).set("fn", std::string("max")));
}

void add_recurrent(Rows& rows) {
    const Type none{ElementType::boolean, Shape{}};
    const auto attrs = [](const char* cell, const char* activations) {
        return Attrs{
            {"cell", std::string(cell)},       {"activations", std::string(activations)}, {"clip", 0.0},
            {"input_forget", std::int64_t{0}}, {"linear_before_reset", std::int64_t{0}},  {"reverse", std::int64_t{0}}};
    };
    rows.add("lstm, everything", cards::recurrent,
             {{kF32, {5, 3, 28}},
              {kF32, {28, 7}},
              {kF32, {28}},
              {kF32, {3, 7}},
              {kF32, {3, 7}},
              {kF32, {21}},
              {ElementType::i32, {3}}},
             attrs("lstm", "sigmoid tanh tanh").set("reverse", std::int64_t{1}).set("clip", 1.5))
        .high = 5;
    rows.add("lstm", cards::recurrent, {{kF32, {4, 1, 52}}, {kF32, {52, 13}}}, attrs("lstm", "sigmoid tanh tanh"));
    rows.add("lstm, coupled gates", cards::recurrent, {{kF32, {4, 2, 12}}, {kF32, {12, 3}}},
             attrs("lstm", "hard_sigmoid tanh relu")
                 .set("input_forget", std::int64_t{1})
                 .set("alphas", std::vector<double>{0.2})
                 .set("betas", std::vector<double>{0.5}));
    rows.add("gru", cards::recurrent, {{kF32, {4, 2, 15}}, {kF32, {15, 5}}, {kF32, {15}}, {kF32, {2, 5}}},
             attrs("gru", "sigmoid tanh"));
    rows.add("gru, reset behind", cards::recurrent,
             {{kF32, {4, 2, 15}}, {kF32, {15, 5}}, {kF32, {15}}, none, none, none, {ElementType::i32, {2}}},
             attrs("gru", "sigmoid tanh").set("linear_before_reset", std::int64_t{1}))
        .high = 4;
    rows.add("rnn", cards::recurrent, {{kF32, {6, 2, 5}}, {kF32, {5, 5}}},
             attrs("rnn", "tanh").set("reverse", std::int64_t{1}));
}

}  // namespace

std::vector<tensor::Tensor> Sample::inputs(std::mt19937& random) const {
    std::vector<tensor::Tensor> out;
    for (const auto& port : graph.inputs) {
        const Type& type = graph.type(port.value);
        const bool whole = !tensor::is_floating(type.element);
        const bool unsigned_type = !tensor::is_signed(type.element);
        // Integers beside floats are indices or lengths, whose range the row gives; floats stay small.
        out.push_back(
            random_tensor(random, type, whole && unsigned_type ? 0 : low, whole ? high : std::min(high, 2.0)));
    }
    return out;
}

std::vector<Sample> operator_samples() {
    Rows rows;
    add_maps(rows);
    add_movement(rows);
    add_reductions(rows);
    add_contractions(rows);
    add_recurrent(rows);
    return rows.take();
}

}  // namespace shoal::test
