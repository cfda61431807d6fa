#include "support/random_operators.hpp"

#include <algorithm>
#include <numeric>

#include "graph/cards.hpp"

namespace shoal::test {

using graph::Attrs;
using graph::Card;
using graph::Ints;
using graph::Shape;
using graph::Type;
using tensor::ElementType;
namespace cards = graph::cards;

namespace {

constexpr auto kF32 = ElementType::f32;
constexpr std::int64_t kNo = 0, kYes = 1;

class Dice {
public:
    explicit Dice(std::mt19937& random) : random_(random) {}

    /// Both ends included.
    std::int64_t number(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(random_() % static_cast<unsigned>(high - low + 1));
    }
    std::int64_t coin() { return number(0, 1); }
    template <class T>
    T one_of(std::initializer_list<T> choices) {
        return *(choices.begin() + number(0, static_cast<std::int64_t>(choices.size()) - 1));
    }
    std::int64_t extent() { return one_of<std::int64_t>({1, 2, 3, 4, 5, 7, 9, 13}); }
    Ints numbers(std::size_t count, std::int64_t low, std::int64_t high) {
        Ints out(count);
        for (auto& value : out)
            value = number(low, high);
        return out;
    }
    Ints extents(int least_rank, int most_rank) {
        Ints out(static_cast<std::size_t>(number(least_rank, most_rank)));
        for (auto& value : out)
            value = extent();
        return out;
    }
    ElementType number_type() { return one_of({kF32, kF32, ElementType::i32, ElementType::i64, ElementType::i8}); }
    std::int64_t axis_of(const Ints& extents) { return number(0, static_cast<std::int64_t>(extents.size()) - 1); }
    template <class T>
    void shuffle(std::vector<T>& list) {
        std::shuffle(list.begin(), list.end(), random_);
    }

private:
    std::mt19937& random_;
};

// An operand that broadcasts to `whole`: without some of the first axes, with 1 in place of others.
Shape broadcasting(Dice& dice, const Ints& whole) {
    Ints out(whole.begin() + dice.number(0, static_cast<std::int64_t>(whole.size()) - 1), whole.end());
    for (auto& extent : out)
        if (dice.number(0, 3) == 0) extent = 1;
    return Shape(out);
}

Sample map(Dice& dice) {
    const auto functions = graph::scalar_functions();
    const auto& fn =
        functions[static_cast<std::size_t>(dice.number(0, static_cast<std::int64_t>(functions.size()) - 1))];
    using Domain = graph::ScalarFunction::Domain;
    const auto element = fn.domain == Domain::integer   ? dice.one_of({ElementType::i32, ElementType::i64})
                         : fn.domain == Domain::boolean ? ElementType::boolean
                                                        : kF32;
    const Ints whole = dice.extents(1, 4);
    std::vector<Type> inputs;
    for (int i = 0; i < fn.arity; ++i)
        inputs.push_back({element, i == 0 ? Shape(whole) : broadcasting(dice, whole)});
    if (fn.result == graph::ScalarFunction::Result::chosen) inputs[0].element = ElementType::boolean;
    if (dice.coin() != 0 && fn.arity > 1) std::swap(inputs.front().shape, inputs.back().shape);
    auto out = one_operator(std::string(fn.name), cards::map, inputs,
                            {{"fn", std::string(fn.name)}, {"p", 0.75}, {"q", 1.25}});
    fit_range(out, fn);
    return out;
}

Sample cast(Dice& dice) {
    const auto any = [&] {
        return dice.one_of({kF32, ElementType::f16, ElementType::i8, ElementType::u8, ElementType::i32,
                            ElementType::i64, ElementType::boolean});
    };
    return one_operator("any", cards::cast, {{any(), Shape(dice.extents(1, 4))}},
                        {{"to", static_cast<std::int64_t>(any())}});
}

// The same factors, in order, multiplied together in two ways.
Sample reshape(Dice& dice) {
    Ints factors;
    for (std::int64_t i = dice.number(1, 5); i > 0; --i)
        factors.push_back(dice.one_of<std::int64_t>({1, 2, 3, 5}));
    const auto grouped = [&] {
        Ints out{1};
        for (const auto factor : factors) {
            if (dice.coin() != 0) out.push_back(1);
            out.back() *= factor;
        }
        return out;
    };
    return one_operator("regrouped", cards::reshape, {{dice.number_type(), Shape(grouped())}}, {{"shape", grouped()}});
}

Sample transpose(Dice& dice) {
    const Ints extents = dice.extents(1, 5);
    Ints perm(extents.size());
    std::iota(perm.begin(), perm.end(), 0);
    dice.shuffle(perm);
    return one_operator("any", cards::transpose, {{dice.number_type(), Shape(extents)}}, {{"perm", perm}});
}

Sample slice(Dice& dice) {
    const Ints extents = dice.extents(1, 4);
    Ints begins, sizes, steps;
    for (const auto extent : extents) {
        const std::int64_t step = dice.one_of<std::int64_t>({1, 1, 2, 3, -1, -2});
        const std::int64_t begin = dice.number(0, extent - 1);
        const std::int64_t reach = step > 0 ? (extent - 1 - begin) / step : begin / -step;
        begins.push_back(begin);
        steps.push_back(step);
        sizes.push_back(dice.number(1, reach + 1));
    }
    return one_operator("any", cards::slice, {{dice.number_type(), Shape(extents)}},
                        {{"begins", begins}, {"sizes", sizes}, {"steps", steps}});
}

Sample pad(Dice& dice) {
    const auto mode = dice.one_of({"constant", "constant", "edge", "reflect", "wrap"});
    Ints extents = dice.extents(1, 4);
    for (auto& extent : extents)
        extent += 1;  // an axis of 1 has nothing to reflect
    const auto around = [&] {
        Ints out;
        for (const auto extent : extents)
            out.push_back(dice.coin() * dice.number(0, std::min<std::int64_t>(extent - 1, 3)));
        return out;
    };
    return one_operator(mode, cards::pad, {{dice.number_type(), Shape(extents)}},
                        {{"before", around()}, {"after", around()}, {"mode", std::string(mode)}, {"value", 2.0}});
}

Sample concat(Dice& dice) {
    const Ints extents = dice.extents(1, 4);
    const auto axis = dice.axis_of(extents);
    const auto element = dice.number_type();
    std::vector<Type> parts;
    for (std::int64_t i = dice.number(1, 4); i > 0; --i) {
        Ints own = extents;
        own[static_cast<std::size_t>(axis)] = dice.extent();
        parts.push_back({element, Shape(own)});
    }
    return one_operator("any", cards::concat, parts, {{"axis", axis}});
}

Sample expand(Dice& dice) {
    const Ints whole = dice.extents(1, 4);
    return one_operator("any", cards::expand, {{dice.number_type(), broadcasting(dice, whole)}}, {{"shape", whole}});
}

Sample iota(Dice& dice) {
    const Ints extents = dice.extents(1, 3);
    const auto element = dice.one_of({kF32, ElementType::i64, ElementType::i32});
    return one_operator("any", cards::iota, {},
                        {{"element", static_cast<std::int64_t>(element)},
                         {"shape", extents},
                         {"axis", dice.axis_of(extents)},
                         {"start", static_cast<double>(dice.number(-5, 5))},
                         {"step", element == kF32 ? 0.37 : static_cast<double>(dice.number(-3, 3))}});
}

Sample gather(Dice& dice) {
    const Ints data = dice.extents(1, 3);
    auto out = one_operator("any", cards::gather,
                            {{dice.coin() != 0 ? kF32 : ElementType::i32, Shape(data)},
                             {dice.one_of({ElementType::i64, ElementType::i32}), Shape(dice.extents(0, 2))}},
                            {{"axis", dice.axis_of(data)}});
    out.low = -9, out.high = 9;  // beyond both ends too: they are clamped
    return out;
}

Sample scatter(Dice& dice) {
    const Ints data = dice.extents(1, 3);
    const std::int64_t rows = dice.extent();
    const auto fn = dice.one_of({"set", "add", "mul", "max", "min"});
    auto out = one_operator(fn, cards::scatter,
                            {{kF32, Shape(data)},
                             {dice.one_of({ElementType::i64, ElementType::i32}), Shape{rows}},
                             {kF32, Shape(data).with(0, rows)}},
                            {{"fn", std::string(fn)}});
    out.low = -9, out.high = 9;
    return out;
}

Sample reduce(Dice& dice) {
    const Ints extents = dice.extents(1, 4);
    Ints axes;
    for (std::size_t k = 0; k < extents.size(); ++k)
        if (dice.coin() != 0) axes.push_back(static_cast<std::int64_t>(k));
    if (axes.empty()) axes.push_back(dice.axis_of(extents));
    const auto fn = dice.one_of({"sum", "product", "max", "min"});
    const auto element = dice.one_of({kF32, ElementType::i64});
    return one_operator(fn, cards::reduce, {{element, Shape(extents)}}, {{"fn", std::string(fn)}, {"axes", axes}});
}

Sample arg_reduce(Dice& dice) {
    const Ints extents = dice.extents(1, 4);
    const auto fn = dice.one_of({"max", "min"});
    return one_operator(fn, cards::arg_reduce, {{dice.number_type(), Shape(extents)}},
                        {{"fn", std::string(fn)}, {"axis", dice.axis_of(extents)}, {"last", dice.coin()}});
}

Sample cumulate(Dice& dice) {
    const Ints extents = dice.extents(1, 4);
    return one_operator("any", cards::cumulate, {{dice.one_of({kF32, ElementType::i64}), Shape(extents)}},
                        {{"axis", dice.axis_of(extents)}, {"exclusive", dice.coin()}, {"reverse", dice.coin()}});
}

Sample topk(Dice& dice) {
    const Ints extents = dice.extents(1, 3);
    const auto axis = dice.axis_of(extents);
    return one_operator(
        "any", cards::topk, {{dice.one_of({kF32, ElementType::i32}), Shape(extents)}},
        {{"axis", axis}, {"k", dice.number(1, extents[static_cast<std::size_t>(axis)])}, {"largest", dice.coin()}});
}

Sample matmul(Dice& dice) {
    const Ints batch = dice.extents(1, 3);
    const auto rows = dice.extent(), inner = dice.extent(), columns = dice.extent(), transposed = dice.coin();
    const auto with = [&](std::int64_t a, std::int64_t b) {
        const Shape own = broadcasting(dice, batch);
        Ints out(own.begin(), own.end());
        if (dice.number(0, 3) == 0) out.clear();
        out.push_back(a);
        out.push_back(b);
        return Shape(out);
    };
    const auto a = with(rows, inner), b = transposed != 0 ? with(columns, inner) : with(inner, columns);
    const auto left = dice.one_of({kF32, kF32, ElementType::i32, ElementType::u8});
    auto out = one_operator("any", cards::matmul, {{left, a}, {left == ElementType::u8 ? ElementType::i8 : left, b}},
                            {{"transpose_b", transposed}});
    if (left != kF32) out.low = left == ElementType::u8 ? 0 : -9, out.high = 9;
    return out;
}

// The window's attributes, and the extents of a picture that it fits into.
Attrs window(Dice& dice, const Ints& kernel, Ints& picture) {
    const auto axes = kernel.size();
    const Ints dilations = dice.numbers(axes, 1, 2), begin = dice.numbers(axes, 0, 2), end = dice.numbers(axes, 0, 2);
    picture.clear();
    for (std::size_t k = 0; k < axes; ++k) {
        const std::int64_t covered = (kernel[k] - 1) * dilations[k] + 1;
        picture.push_back(std::max<std::int64_t>(covered - begin[k] - end[k], 1) + dice.number(0, 6));
    }
    return {{"strides", dice.numbers(axes, 1, 3)}, {"dilations", dilations}, {"pads_begin", begin}, {"pads_end", end}};
}

Shape channels_last(std::int64_t first, const Ints& middle, std::int64_t last) {
    Ints out{first};
    out.insert(out.end(), middle.begin(), middle.end());
    out.push_back(last);
    return Shape(out);
}

Sample conv(Dice& dice) {
    const Ints kernel = dice.numbers(static_cast<std::size_t>(dice.number(1, 3)), 1, 3);
    Ints picture;
    Attrs attrs = window(dice, kernel, picture);
    const std::int64_t groups = dice.one_of<std::int64_t>({1, 1, 2, 5}), in = dice.number(1, 3),
                       out = dice.number(1, 4);
    const bool bytes = dice.number(0, 3) == 0;
    auto sample =
        one_operator("any", cards::conv,
                     {{bytes ? ElementType::u8 : kF32, channels_last(dice.number(1, 3), picture, in * groups)},
                      {bytes ? ElementType::i8 : kF32, channels_last(out * groups, kernel, in)}},
                     std::move(attrs.set("groups", groups)));
    if (bytes) sample.low = 0, sample.high = 9;
    return sample;
}

Sample pool(Dice& dice) {
    const Ints kernel = dice.numbers(static_cast<std::size_t>(dice.number(1, 3)), 1, 3);
    Ints picture;
    Attrs attrs = window(dice, kernel, picture);
    attrs.set("kernel", kernel).set("fn", std::string(dice.one_of({"max", "sum", "argmax"})));
    return one_operator("any", cards::pool,
                        {{kF32, channels_last(dice.number(1, 3), picture, dice.one_of<std::int64_t>({1, 3, 17}))}},
                        std::move(attrs));
}

Sample recurrent(Dice& dice) {
    const std::string cell = dice.one_of({"lstm", "gru", "rnn"});
    const std::int64_t gates = cell == "lstm"  ? 4
                               : cell == "gru" ? 3
                                               : 1,
                       steps = dice.number(1, 6), batch = dice.extent(), size = dice.number(1, 7);
    const std::string activations = cell == "lstm" ? "sigmoid tanh tanh" : cell == "gru" ? "sigmoid tanh" : "tanh";
    const Type none{ElementType::boolean, Shape{}};
    const auto perhaps = [&](Type type) { return dice.coin() != 0 ? type : none; };
    std::vector<Type> inputs{{kF32, Shape{steps, batch, gates * size}},
                             {kF32, Shape{gates * size, size}},
                             perhaps({kF32, Shape{gates * size}}),
                             perhaps({kF32, Shape{batch, size}})};
    const bool lstm = cell == "lstm";
    inputs.push_back(lstm ? perhaps({kF32, Shape{batch, size}}) : none);
    inputs.push_back(lstm ? perhaps({kF32, Shape{3 * size}}) : none);
    inputs.push_back(perhaps({ElementType::i32, Shape{batch}}));
    auto out = one_operator(cell, cards::recurrent, inputs,
                            {{"cell", cell},
                             {"activations", activations},
                             {"clip", dice.coin() != 0 ? 0.0 : 1.5},
                             {"input_forget", lstm ? dice.coin() : kNo},
                             {"linear_before_reset", cell == "gru" ? dice.coin() : kNo},
                             {"reverse", dice.one_of({kNo, kYes})}});
    out.low = -1, out.high = static_cast<double>(steps);
    return out;
}

constexpr std::pair<const Card*, Sample (*)(Dice&)> kDice[] = {
    {&cards::arg_reduce, arg_reduce},
    {&cards::cast, cast},
    {&cards::concat, concat},
    {&cards::conv, conv},
    {&cards::cumulate, cumulate},
    {&cards::expand, expand},
    {&cards::gather, gather},
    {&cards::iota, iota},
    {&cards::map, map},
    {&cards::matmul, matmul},
    {&cards::pad, pad},
    {&cards::pool, pool},
    {&cards::recurrent, recurrent},
    {&cards::reduce, reduce},
    {&cards::reshape, reshape},
    {&cards::scatter, scatter},
    {&cards::slice, slice},
    {&cards::topk, topk},
    {&cards::transpose, transpose},
};

}  // namespace

Sample random_operator(const Card& card, std::mt19937& random) {
    Dice dice(random);
    for (const auto& [own, roll] : kDice)
        if (own == &card) return roll(dice);
    base::fail(base::Code::internal, "card '", card.name, "' has no dice in tests/support/random_operators.cpp");
}

}  // namespace shoal::test
