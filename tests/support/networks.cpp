#include "support/networks.hpp"

#include "graph/cards.hpp"

namespace shoal::test {

using graph::Builder;
using graph::Ints;
using graph::Shape;
using graph::ValueId;
using tensor::ElementType;
namespace cards = graph::cards;

namespace {

constexpr auto kF32 = ElementType::f32;

// A builder with random weights and the operators as ONNX has them.
class Maker {
public:
    explicit Maker(const std::string& name) : builder(name), random_(generator()) {}

    ValueId weights(Shape shape, double size = 0.5) {
        return builder.constant(random_tensor(random_, {kF32, std::move(shape)}, -size, size));
    }

    ValueId conv(ValueId x, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1, std::int64_t groups = 1) {
        const std::int64_t in = builder.shape(x)[1], pad = kernel / 2;
        const ValueId w = builder.transpose(weights({out, in / groups, kernel, kernel}), {0, 2, 3, 1});
        graph::Attrs attrs{{"strides", Ints{stride, stride}},
                           {"dilations", Ints{1, 1}},
                           {"pads_begin", Ints{pad, pad}},
                           {"pads_end", Ints{pad, pad}},
                           {"groups", groups}};
        const ValueId y = builder.add(cards::conv, {builder.transpose(x, {0, 2, 3, 1}), w}, std::move(attrs))[0];
        return builder.transpose(y, {0, 3, 1, 2});
    }
    // Every channel by itself, dilated and padded unevenly: what comes out is as wide as what goes in, over the stride.
    ValueId depthwise(ValueId x, std::int64_t kernel, std::int64_t stride, std::int64_t dilation) {
        const std::int64_t channels = builder.shape(x)[1], pad = (kernel - 1) * dilation;
        const ValueId w = builder.transpose(weights({channels, 1, kernel, kernel}), {0, 2, 3, 1});
        graph::Attrs attrs{{"strides", Ints{stride, stride}},
                           {"dilations", Ints{dilation, dilation}},
                           {"pads_begin", Ints{pad / 2, pad}},
                           {"pads_end", Ints{pad - pad / 2, 0}},
                           {"groups", channels}};
        const ValueId y = builder.add(cards::conv, {builder.transpose(x, {0, 2, 3, 1}), w}, std::move(attrs))[0];
        return builder.transpose(y, {0, 3, 1, 2});
    }
    ValueId silu(ValueId x) { return builder.map("mul", {x, builder.map("sigmoid", {x})}); }
    ValueId batch_norm(ValueId x) {
        const std::int64_t channels = builder.shape(x)[1];
        return builder.map("add",
                           {builder.map("mul", {x, weights({1, channels, 1, 1}, 2)}), weights({1, channels, 1, 1})});
    }
    ValueId bias(ValueId x) { return builder.map("add", {x, weights({1, builder.shape(x)[1], 1, 1})}); }
    ValueId relu(ValueId x) { return builder.map("relu", {x}); }
    ValueId mean(ValueId x, Ints axes) {
        double count = 1;
        for (const auto axis : axes)
            count *= static_cast<double>(builder.shape(x)[static_cast<int>(axis)]);
        return builder.map("mul", {builder.reduce("sum", x, std::move(axes)), builder.scalar(kF32, 1 / count)});
    }
    ValueId softmax(ValueId x) {
        const int last = builder.shape(x).rank() - 1;
        const ValueId exp = builder.map("exp", {builder.map("sub", {x, builder.reduce("max", x, {last})})});
        return builder.map("div", {exp, builder.reduce("sum", exp, {last})});
    }
    ValueId input(Shape shape) { return builder.input("x", {kF32, std::move(shape)}); }
    Network finish(ValueId y) {
        const std::string name = builder.graph().name;
        builder.output("y", y);
        return {name, builder.finish()};
    }

    Builder builder;

private:
    std::mt19937 random_;
};

}  // namespace

Network residual_block() {
    Maker m("residual block");
    const ValueId x = m.relu(m.batch_norm(m.conv(m.input({1, 3, 13, 9}), 20, 3, 2)));
    const ValueId y = m.batch_norm(m.conv(m.relu(m.batch_norm(m.conv(x, 20, 3))), 20, 3));
    return m.finish(m.relu(m.builder.map("add", {y, x})));
}

Network channel_shuffle() {
    Maker m("channel shuffle");
    const ValueId x = m.relu(m.conv(m.input({1, 3, 8, 7}), 36, 1));
    const ValueId left = m.builder.slice_axis(x, 1, 0, 18), right = m.builder.slice_axis(x, 1, 18, 18);
    const ValueId worked = m.relu(m.batch_norm(m.conv(m.batch_norm(m.conv(right, 18, 3, 1, 18)), 18, 1)));
    const ValueId both = m.builder.concat({left, worked}, 1);
    const ValueId mixed = m.builder.transpose(m.builder.reshape(both, {1, 2, 18, 8, 7}), {0, 2, 1, 3, 4});
    return m.finish(m.conv(m.builder.reshape(mixed, {1, 36, 8, 7}), 5, 1));
}

Network squeeze_excite() {
    Maker m("squeeze excite");
    const ValueId x = m.bias(m.conv(m.input({2, 4, 6, 5}), 24, 3));
    const ValueId gate = m.relu(m.bias(m.conv(m.mean(x, {2, 3}), 6, 1)));
    const ValueId scale = m.builder.map("sigmoid", {m.bias(m.conv(gate, 24, 1))});
    return m.finish(m.conv(m.builder.map("mul", {x, scale}), 7, 1));
}

Network dense_block() {
    Maker m("dense block");
    ValueId all = m.relu(m.conv(m.input({1, 3, 9, 9}), 16, 3));
    for (int i = 0; i < 3; ++i)
        all = m.builder.concat({all, m.conv(m.relu(m.batch_norm(all)), 12, 3)}, 1);
    return m.finish(m.relu(m.batch_norm(all)));
}

Network classifier() {
    Maker m("classifier");
    const ValueId x = m.relu(m.bias(m.conv(m.input({3, 1, 12, 12}), 17, 3)));
    const graph::Attrs window{{"fn", std::string("max")}, {"kernel", Ints{2, 2}},     {"strides", Ints{2, 2}},
                              {"dilations", Ints{1, 1}},  {"pads_begin", Ints{0, 0}}, {"pads_end", Ints{0, 0}}};
    const ValueId pooled = m.builder.add(cards::pool, {m.builder.transpose(x, {0, 2, 3, 1})}, window)[0];
    const ValueId flat = m.builder.reshape(m.builder.transpose(pooled, {0, 3, 1, 2}), {3, 17 * 36});
    return m.finish(m.softmax(
        m.builder.map("add", {m.builder.matmul(flat, m.weights({10, 17 * 36}, 0.1), true), m.weights({10})})));
}

Network attention_head() {
    Maker m("attention");
    const ValueId x = m.input({2, 7, 24});
    const auto heads = [&](ValueId projected) {
        return m.builder.transpose(m.builder.reshape(projected, {2, 7, 3, 8}), {0, 2, 1, 3});
    };
    const auto project = [&] {
        return m.builder.map("add", {m.builder.matmul(x, m.weights({24, 24})), m.weights({24})});
    };
    const ValueId q = heads(project()), k = heads(project()), v = heads(project());
    const ValueId scores =
        m.builder.map("mul", {m.builder.matmul(q, m.builder.transpose(k, {0, 1, 3, 2})), m.builder.scalar(kF32, 0.35)});
    const ValueId mixed = m.builder.transpose(m.builder.matmul(m.softmax(scores), v), {0, 2, 1, 3});
    return m.finish(m.builder.matmul(m.builder.reshape(mixed, {2, 7, 24}), m.weights({24, 24})));
}

Network layer_norm() {
    Maker m("layer norm");
    const ValueId x = m.input({2, 5, 37});
    const ValueId centred = m.builder.map("sub", {x, m.mean(x, {2})});
    const ValueId variance = m.mean(m.builder.map("mul", {centred, centred}), {2});
    const ValueId root = m.builder.map("sqrt", {m.builder.map("add", {variance, m.builder.scalar(kF32, 1e-5)})});
    const ValueId scaled = m.builder.map("mul", {m.builder.map("div", {centred, root}), m.weights({37})});
    return m.finish(m.builder.map("add", {scaled, m.weights({37})}));
}

Network embedding() {
    Maker m("embedding");
    const ValueId ids = m.builder.input("ids", {ElementType::i64, {2, 6}});
    const ValueId rows = m.builder.gather(m.weights({11, 20}), ids, 0);
    const ValueId positions = m.builder.gather(m.weights({9, 20}), m.builder.iota(ElementType::i64, {6}, 0), 0);
    return m.finish(m.builder.matmul(m.builder.map("add", {rows, positions}), m.weights({20, 13})));
}

Network grouped_pointwise() {
    Maker m("grouped pointwise");
    const ValueId x = m.relu(m.conv(m.input({1, 6, 5, 7}), 39, 1));
    return m.finish(m.relu(m.bias(m.conv(m.bias(m.conv(x, 57, 1, 1, 3)), 57, 3, 1, 3))));
}

Network depthwise_chain() {
    Maker m("depthwise chain");
    ValueId x = m.silu(m.bias(m.conv(m.input({2, 3, 15, 14}), 40, 1)));
    x = m.silu(m.batch_norm(m.depthwise(x, 3, 1, 1)));
    x = m.relu(m.depthwise(x, 5, 2, 1));  // 8 x 7
    x = m.silu(m.depthwise(x, 3, 1, 2));
    x = m.relu(m.depthwise(x, 7, 3, 1));       // 3 x 3
    return m.finish(m.depthwise(x, 3, 2, 1));  // 2 x 2
}

Network picture() {
    Maker m("picture");
    const ValueId shown = m.builder.map("mul", {m.input({2, 3, 23, 37}), m.weights({3, 1, 1})});
    const ValueId framed = m.builder.pad(shown, {0, 0, 1, 2}, {0, 0, 0, 3});
    return m.finish(m.relu(m.bias(m.conv(m.relu(m.bias(m.conv(framed, 18, 5, 2))), 9, 3))));
}

Network gelu() {
    Maker m("gelu");
    const auto number = [&](double value) { return m.builder.scalar(kF32, value); };
    const ValueId x =
        m.builder.map("add", {m.builder.matmul(m.input({3, 5, 14}), m.weights({14, 35})), m.weights({35})});
    const ValueId erf = m.builder.map("erf", {m.builder.map("div", {x, number(1.4142135623730951)})});
    const ValueId whole = m.builder.map("mul", {x, m.builder.map("add", {erf, number(1)})});
    return m.finish(m.builder.matmul(m.builder.map("mul", {whole, number(0.5)}), m.weights({35, 6})));
}

Network odd_products() {
    Maker m("odd products");
    const ValueId all = m.input({55, 13});
    std::vector<ValueId> ends;
    for (const auto& [first, rows] : {std::pair{0, 1}, {1, 5}, {6, 49}}) {
        ValueId x = m.builder.slice_axis(all, 0, first, rows);
        for (const std::int64_t columns : {24, 17, 100, 40, 7})
            x = m.builder.map("tanh", {m.builder.matmul(x, m.weights({m.builder.shape(x).back(), columns}))});
        ends.push_back(x);
    }
    return m.finish(m.builder.concat(ends, 0));
}

Network empty_cache() {
    Maker m("empty cache");
    const ValueId past = m.builder.slice_axis(m.input({1, 4, 3, 8}), 2, 0, 0);
    const ValueId now = m.builder.map("add", {m.builder.graph().inputs[0].value, m.weights({1, 4, 3, 8})});
    const auto turned = [&](ValueId x) { return m.builder.transpose(x, {0, 2, 1, 3}); };
    return m.finish(m.softmax(m.builder.concat({turned(past), turned(now)}, 1)));
}

std::vector<Network> networks() {
    std::vector<Network> out;
    for (const auto make :
         {residual_block, channel_shuffle, squeeze_excite, dense_block, classifier, attention_head, layer_norm,
          embedding, grouped_pointwise, depthwise_chain, picture, gelu, odd_products, empty_cache})
        out.push_back(make());
    return out;
}

std::vector<tensor::Tensor> Network::inputs(std::mt19937& random) const {
    std::vector<tensor::Tensor> out;
    for (const auto& port : graph.inputs)
        out.push_back(
            random_tensor(random, graph.type(port.value), -2, graph.type(port.value).element == kF32 ? 2 : 10));
    return out;
}

}  // namespace shoal::test
