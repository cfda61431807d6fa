// The families' lowerings on small numbers that can be checked by hand. The wide net is shoal_conformance.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

using List = std::vector<std::int64_t>;

void check(const std::vector<Tensor>& got, std::size_t output, const Tensor& want, double tolerance = 1e-6) {
    REQUIRE(got.size() > output);
    const auto difference = test::difference(got[output], want, {tolerance, tolerance});
    CHECK_MESSAGE(difference.empty(), difference);
}

Tensor ramp(Shape shape, float start = 0) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < shape.count(); ++i)
        values.push_back(static_cast<double>(start) + static_cast<double>(i));
    return tensor::from_doubles(ElementType::f32, shape, values);
}

Tensor bytes(ElementType element, Shape shape, const std::vector<double>& values) {
    return tensor::from_doubles(element, std::move(shape), values);
}

}  // namespace

TEST_CASE("convolution: padding, groups, bias") {
    const Tensor x = ramp({1, 1, 3, 3}), w = floats({1, 1, 2, 2}, {1, 0, 0, 1});
    check(run_op("Conv", {x, w, floats({1}, {100})}), 0, floats({1, 1, 2, 2}, {104, 106, 110, 112}));
    check(run_op("Conv", {x, w}, {{"auto_pad", std::string("SAME_UPPER")}}), 0,
          floats({1, 1, 3, 3}, {4, 6, 2, 10, 12, 5, 6, 7, 8}));
    check(run_op("Conv", {ramp({1, 2, 2}), floats({2, 1, 1}, {2, 3})}, {{"group", std::int64_t{2}}}), 0,
          floats({1, 2, 2}, {0, 2, 6, 9}));
    CHECK(says(error_of([&] {
                   (void)run_op("Conv", {x, floats({1, 1, 4, 4}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1})});
               }),
               "does not fit"));
}

TEST_CASE("transposed convolution spreads every input") {
    const Tensor x = floats({1, 1, 2}, {1, 10}), w = floats({1, 1, 3}, {1, 2, 3});
    check(run_op("ConvTranspose", {x, w}), 0, floats({1, 1, 4}, {1, 12, 23, 30}));
    check(run_op("ConvTranspose", {x, w}, {{"strides", List{2}}}), 0, floats({1, 1, 5}, {1, 2, 13, 20, 30}));
    check(run_op("ConvTranspose", {x, w}, {{"strides", List{2}}, {"output_shape", List{1, 1, 5}}}), 0,
          floats({1, 1, 5}, {1, 2, 13, 20, 30}));
    check(run_op("ConvTranspose", {x, w}, {{"strides", List{3}}, {"pads", List{1, 0}}, {"output_padding", List{1}}}), 0,
          floats({1, 1, 6}, {2, 3, 10, 20, 30, 0}));
}

TEST_CASE("pools: what ceil_mode adds and what an average divides by") {
    const Tensor x = ramp({1, 1, 4}, 1);  // 1 2 3 4
    check(run_op("MaxPool", {x}, {{"kernel_shape", List{3}}, {"strides", List{2}}}), 0, floats({1, 1, 1}, {3}));
    check(run_op("MaxPool", {x}, {{"kernel_shape", List{3}}, {"strides", List{2}}, {"ceil_mode", std::int64_t{1}}}), 0,
          floats({1, 1, 2}, {3, 4}));
    const AttributeList padded{{"kernel_shape", List{3}}, {"strides", List{2}}, {"pads", List{1, 1}}};
    check(run_op("AveragePool", {x}, padded), 0, floats({1, 1, 2}, {1.5, 3}));
    AttributeList counted = padded;
    counted.emplace_back("count_include_pad", std::int64_t{1});
    check(run_op("AveragePool", {x}, counted), 0, floats({1, 1, 2}, {1, 3}));
    check(run_op("GlobalAveragePool", {x}), 0, floats({1, 1, 1}, {2.5}));
    const auto with_places = run_op("MaxPool", {floats({1, 2, 4}, {4, 1, 2, 3, 1, 9, 0, 0})},
                                    {{"kernel_shape", List{2}}, {"strides", List{2}}}, 2);
    check(with_places, 1, ints({1, 2, 2}, {0, 3, 5, 6}));
}

TEST_CASE("with ceil_mode a window may reach behind all that there is, by less than a step") {
    const AttributeList window{{"kernel_shape", List{3, 3}}, {"strides", List{2, 2}}, {"ceil_mode", std::int64_t{1}}};
    const Tensor x = floats({1, 1, 2, 2}, {1, 2, 3, 6});
    check(run_op("MaxPool", {x}, window), 0, floats({1, 1, 1, 1}, {6}));
    check(run_op("AveragePool", {x}, window, 1, 19), 0, floats({1, 1, 1, 1}, {3}));
    const AttributeList farther{{"kernel_shape", List{4, 4}}, {"strides", List{2, 2}}, {"ceil_mode", std::int64_t{1}}};
    CHECK(says(error_of([&] { (void)run_op("MaxPool", {x}, farther); }), "does not fit"));
}

TEST_CASE("normalisations") {
    const Tensor x = floats({2, 2}, {1, 3, 10, 30});
    check(run_op("LayerNormalization", {x, floats({2}, {1, 2}), floats({2}, {0, 5})}, {{"epsilon", 0.0}}), 0,
          floats({2, 2}, {-1, 7, -1, 7}));
    check(run_op("BatchNormalization",
                 {x, floats({2}, {2, 1}), floats({2}, {0, 1}), floats({2}, {1, 0}), floats({2}, {4, 1})},
                 {{"epsilon", 0.0}}),
          0, floats({2, 2}, {0, 4, 9, 31}));
    check(run_op("Softmax", {floats({1, 2}, {0, std::log(3.0F)})}), 0, floats({1, 2}, {0.25, 0.75}));
    check(run_op("Softmax", {floats({1, 2, 2}, {0, 0, 0, 0})}, {{"axis", std::int64_t{1}}}, 1, 11), 0,
          floats({1, 2, 2}, {0.25, 0.25, 0.25, 0.25}));
    check(run_op("Softmax", {floats({1, 2, 2}, {0, 0, 0, 0})}, {{"axis", std::int64_t{1}}}, 1, 13), 0,
          floats({1, 2, 2}, {0.5, 0.5, 0.5, 0.5}));
}

TEST_CASE("movement: shapes that keep, infer and repeat") {
    const Tensor x = ramp({2, 3});
    CHECK(run_op("Reshape", {x, ints({2}, {0, -1})})[0].shape() == Shape{2, 3});
    CHECK(run_op("Reshape", {x, ints({3}, {-1, 1, 2})})[0].shape() == Shape{3, 1, 2});
    CHECK_FALSE(error_of([&] { (void)run_op("Reshape", {x, ints({2}, {-1, -1})}); }).empty());
    CHECK_FALSE(error_of([&] { (void)run_op("Reshape", {x, ints({1}, {4})}); }).empty());
    check(run_op("Tile", {floats({2}, {1, 2}), ints({1}, {2})}), 0, floats({4}, {1, 2, 1, 2}));
    check(run_op("Slice", {x, ints({1}, {-1}), ints({1}, {-100}), ints({1}, {1}), ints({1}, {-2})}), 0,
          floats({2, 2}, {2, 0, 5, 3}));
    check(run_op("Pad", {floats({3}, {1, 2, 3}), ints({2}, {-1, 2})}, {{"mode", std::string("reflect")}}), 0,
          floats({4}, {2, 3, 2, 3}));
    check(run_op("DepthToSpace", {ramp({1, 4, 1, 1})}, {{"blocksize", std::int64_t{2}}}), 0, ramp({1, 1, 2, 2}));
    CHECK(run_op("Flatten", {ramp({2, 3, 4})}, {{"axis", std::int64_t{3}}})[0].shape() == Shape{24, 1});
    CHECK(run_op("Split", {x}, {{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{2}}}, 2, 18)[1].shape() ==
          Shape{2, 1});
}

TEST_CASE("resize: neighbours and straight lines") {
    const Tensor x = floats({1, 1, 2}, {0, 10});
    const Tensor twice = floats({3}, {1, 1, 2});
    check(run_op("Resize", {x, left_out(), twice}), 0, floats({1, 1, 4}, {0, 0, 10, 10}));
    check(run_op("Resize", {x, left_out(), twice}, {{"mode", std::string("linear")}}), 0,
          floats({1, 1, 4}, {0, 2.5, 7.5, 10}));
    check(run_op("Resize", {x, left_out(), left_out(), ints({3}, {1, 1, 3})},
                 {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("align_corners")}}),
          0, floats({1, 1, 3}, {0, 5, 10}));
    check(run_op("Resize", {floats({1, 1, 4}, {0, 0, 8, 8}), left_out(), floats({3}, {1, 1, 0.5})},
                 {{"mode", std::string("linear")}, {"antialias", std::int64_t{1}}}, 1, 18),
          0, floats({1, 1, 2}, {1, 7}));
}

TEST_CASE("gathers and scatters") {
    const Tensor x = ramp({2, 3});
    check(run_op("GatherElements", {x, ints({2, 2}, {2, 0, -1, 1})}, {{"axis", std::int64_t{1}}}), 0,
          floats({2, 2}, {2, 0, 5, 4}));
    check(run_op("GatherND", {x, ints({2, 2}, {0, 1, -1, -1})}), 0, floats({2}, {1, 5}));
    check(run_op("ScatterND", {x, ints({1, 1}, {1}), floats({1, 3}, {7, 8, 9})}), 0,
          floats({2, 3}, {0, 1, 2, 7, 8, 9}));
    check(run_op("ScatterElements", {x, ints({1, 2}, {1, -2}), floats({1, 2}, {10, 20})},
                 {{"reduction", std::string("add")}}, 1, 18),
          0, floats({2, 3}, {0, 21, 2, 13, 4, 5}));
    check(run_op("ReverseSequence", {x, ints({2}, {3, 2})},
                 {{"batch_axis", std::int64_t{0}}, {"time_axis", std::int64_t{1}}}),
          0, floats({2, 3}, {2, 1, 0, 4, 3, 5}));
}

TEST_CASE("corners that are aligned meet at the last element, however large the output") {
    Tensor last = ramp({1, 1, 11});
    const auto got = run_op("Resize", {last, left_out(), left_out(), ints({3}, {1, 1, 58})},
                            {{"mode", std::string("nearest")},
                             {"nearest_mode", std::string("floor")},
                             {"coordinate_transformation_mode", std::string("align_corners")}},
                            1, 19)[0];
    CHECK(got.as<float>()[57] == 10);
}

TEST_CASE("an index outside of its axis never reaches another row") {
    const Tensor x = ramp({2, 3});
    const Tensor nine = floats({1, 1}, {9});
    for (const std::int64_t outside : {3, 4, -4, -5}) {
        CAPTURE(outside);
        const float nearest = outside > 0 ? 2 : 0;
        check(run_op("GatherElements", {x, ints({1, 1}, {outside})}, {{"axis", std::int64_t{1}}}), 0,
              floats({1, 1}, {nearest}));
        check(run_op("GatherND", {x, ints({1, 2}, {0, outside})}), 0, floats({1}, {nearest}));
        check(run_op("ScatterElements", {x, ints({1, 1}, {outside}), nine}, {{"axis", std::int64_t{1}}}, 1, 18), 0, x);
        check(run_op("ScatterND", {x, ints({1, 2}, {0, outside}), floats({1}, {9})}), 0, x);
    }
    check(run_op("ScatterND", {x, ints({1, 2}, {2, 0}), floats({1}, {9})}), 0, x);

    const Tensor cache(tensor::Type{ElementType::f32, {2, 1, 4, 1}});
    const auto filled = [&](std::int64_t first, std::int64_t second) {
        return tensor::to_doubles(run_op("TensorScatter",
                                         {cache, floats({2, 1, 3, 1}, {1, 2, 3, 4, 5, 6}), ints({2}, {first, second})},
                                         {}, 1, 24)[0]);
    };
    CHECK(filled(3, 0) == std::vector<double>{0, 0, 0, 1, 4, 5, 6, 0});
    CHECK(filled(1, -1) == std::vector<double>{0, 1, 2, 3, 5, 6, 0, 0});
    CHECK(filled(-2, 9) == std::vector<double>{3, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("the largest natural numbers are compared as such") {
    const auto large = [](Shape shape, const std::vector<std::uint64_t>& values) {
        return Tensor::of<std::uint64_t>(std::move(shape), std::span<const std::uint64_t>(values));
    };
    constexpr std::uint64_t kHigh = std::uint64_t{1} << 63;
    const Tensor x = large({4}, {7, kHigh + 5, 1, kHigh});
    const auto one = ints({1}, {1});
    CHECK(run_op("ReduceMax", {x}, {}, 1, 20)[0].as<std::uint64_t>()[0] == kHigh + 5);
    CHECK(run_op("ReduceMin", {x}, {}, 1, 20)[0].as<std::uint64_t>()[0] == 1);
    CHECK(run_op("ArgMax", {x})[0].as<std::int64_t>()[0] == 1);
    CHECK(run_op("ArgMin", {x})[0].as<std::int64_t>()[0] == 2);
    const auto top = run_op("TopK", {x, ints({1}, {2})}, {}, 2);
    CHECK(top[0].as<std::uint64_t>()[1] == kHigh);
    CHECK(top[1].as<std::int64_t>()[0] == 1);
    CHECK(run_op("ScatterElements", {x, one, large({1}, {3})}, {{"reduction", std::string("max")}}, 1, 18)[0]
              .as<std::uint64_t>()[1] == kHigh + 5);
}

TEST_CASE("what is no number stays none, and other corners of functions") {
    const Tensor none = floats({1}, {std::nanf("")});
    for (const std::string type : {"Selu", "HardSigmoid", "HardSwish", "Elu", "Celu", "Relu", "Softplus", "Mish"}) {
        CAPTURE(type);
        CHECK(std::isnan(run_op(type, {none})[0].as<float>()[0]));
    }
    const auto power = [](std::int64_t base, std::int64_t exponent) {
        return tensor::to_ints(run_op("Pow", {ints({}, {base}), ints({}, {exponent})})[0])[0];
    };
    CHECK(power(-1, -3) == -1);
    CHECK(power(-1, -4) == 1);
    CHECK(power(-2, -3) == 0);
    CHECK(power(1, -3) == 1);
    const auto smallest = std::numeric_limits<std::int64_t>::min();
    CHECK(says(error_of([&] {
                   (void)run_op("Range", {ints({}, {smallest}), ints({}, {5}), ints({}, {1})});
               }),
               "in steps of"));
    CHECK(run_op("Hardmax", {Tensor(tensor::Type{ElementType::f32, {2, 3, 0}})}, {}, 1, 11)[0].shape() ==
          Shape{2, 3, 0});
    check(run_op("Shrink", {bytes(ElementType::i8, {4}, {-3, 0, 1, 5})}, {{"bias", 1.0}, {"lambd", 1.5}}), 0,
          bytes(ElementType::i8, {4}, {-2, 0, 0, 4}));
    check(run_op("Erf", {ints({4}, {-9, 0, 1, 5})}, {}, 1, 13), 0, ints({4}, {-1, 0, 0, 1}));
}

TEST_CASE("Clip without bounds keeps to its type's range, and a bound of one element adds no axis") {
    const Tensor endless = bytes(ElementType::f16, {2}, {-INFINITY, INFINITY});
    check(run_op("Clip", {endless}), 0, bytes(ElementType::f16, {2}, {-65504, 65504}));
    check(run_op("Clip", {endless}, {}, 1, 10), 0, bytes(ElementType::f16, {2}, {-65504, 65504}));
    check(run_op("Clip", {ints({}, {7}), ints({1}, {1}), ints({1}, {5})}), 0, ints({}, {5}));
}

TEST_CASE("a tensor of many axes is repeated along all of them") {
    const Shape ones{1, 1, 1, 1, 1, 1, 2};
    Tensor repeats = ints({7}, {2, 1, 1, 1, 1, 1, 2});
    check(run_op("Tile", {floats(ones, {1, 2}), repeats}), 0, floats({2, 1, 1, 1, 1, 1, 4}, {1, 2, 1, 2, 1, 2, 1, 2}));
    repeats = ints({7}, {2, 2, 2, 2, 2, 2, 2});
    const auto all = run_op("Tile", {floats(ones, {1, 2}), repeats})[0];
    CHECK(all.shape() == Shape{2, 2, 2, 2, 2, 2, 4});
    CHECK(all.as<float>()[255] == 2);
    CHECK(all.as<float>()[254] == 1);
}

TEST_CASE("quantised products are exact, with zero points on either side") {
    const Tensor a = bytes(ElementType::u8, {1, 2}, {10, 200}), b = bytes(ElementType::i8, {2, 1}, {-100, 50});
    check(run_op("MatMulInteger", {a, b}), 0, bytes(ElementType::i32, {1, 1}, {9000}));
    check(run_op("MatMulInteger", {a, b, bytes(ElementType::u8, {}, {10}), bytes(ElementType::i8, {}, {-2})}), 0,
          bytes(ElementType::i32, {1, 1}, {9880}));
    const Tensor x = bytes(ElementType::u8, {1, 1, 3}, {5, 6, 7}),
                 w = bytes(ElementType::u8, {1, 1, 3}, {129, 130, 131});
    check(run_op("ConvInteger", {x, w, bytes(ElementType::u8, {}, {5}), bytes(ElementType::u8, {}, {128})},
                 {{"pads", List{1, 1}}}),
          0, bytes(ElementType::i32, {1, 1, 3}, {3, 8, 5}));
    check(
        run_op("QuantizeLinear", {floats({4}, {-1, 0.5, 1.5, 1000}), floats({}, {1}), bytes(ElementType::u8, {}, {3})}),
        0, bytes(ElementType::u8, {4}, {2, 3, 5, 255}));
    check(run_op("DequantizeLinear",
                 {bytes(ElementType::i8, {1, 4}, {1, 2, 3, 4}), floats({1, 2}, {1, 10}),
                  bytes(ElementType::i8, {1, 2}, {0, 1})},
                 {{"axis", std::int64_t{1}}, {"block_size", std::int64_t{2}}}, 1, 21),
          0, floats({1, 4}, {1, 2, 20, 30}));
}

TEST_CASE("weights of four bits stay packed until they are used") {
    // Low nibbles come first: inputs at even places count nothing, those at odd places their own size.
    constexpr std::int64_t n = 130, k = 256;
    const Tensor packed = bytes(ElementType::u8, {n, 1, k / 2}, std::vector<double>(n * k / 2, 0x98));
    const AttributeList sizes{{"K", k}, {"N", n}, {"bits", std::int64_t{4}}, {"block_size", k}};
    const Tensor scales = bytes(ElementType::f32, {n, 1}, std::vector<double>(n, 0.5));
    const std::vector<Tensor> inputs{ramp({1, k}), packed, scales};
    const auto model = one_op("MatMulNBits", inputs, sizes, 1, 17, "com.microsoft");
    const auto graph = importer::lower(model, {{}, {{"x1", packed}}});
    bool nibbles = false;
    for (const auto& value : graph.values)
        nibbles = nibbles || (value.constant && value.type.element == ElementType::u4);
    CHECK(nibbles);
    const double odd = 0.5 * (k / 2) * (k / 2);
    check(run_op("MatMulNBits", inputs, sizes, 1, 17, "com.microsoft"), 0,
          bytes(ElementType::f32, {1, n}, std::vector<double>(n, odd)));
}

TEST_CASE("a recurrent cell that only adds") {
    // RNN with h = x w + h r, all 1, no squashing.
    const AttributeList attributes{{"hidden_size", std::int64_t{1}},
                                   {"activations", std::vector<std::string>{"Affine"}}};
    const std::vector<Tensor> inputs{floats({3, 1, 1}, {1, 2, 3}), floats({1, 1, 1}, {1}), floats({1, 1, 1}, {1})};
    const auto got = run_op("RNN", inputs, attributes, 2);
    check(got, 0, floats({3, 1, 1, 1}, {1, 3, 6}));
    check(got, 1, floats({1, 1, 1}, {6}));
    CHECK(says(error_of([&] {
                   (void)run_op("RNN", inputs, {{"activations", std::vector<std::string>{"Cube"}}}, 2);
               }),
               "activation 'Cube'"));
}

TEST_CASE("attention sees what it may and nothing gives nothing") {
    // One head of one element; all scores are 0, so values are averaged.
    const Tensor q = floats({1, 1, 2, 1}, {0, 0}), k = floats({1, 1, 2, 1}, {1, 2}), v = floats({1, 1, 2, 1}, {10, 20});
    check(run_op("Attention", {q, k, v}, {}, 1, 23), 0, floats({1, 1, 2, 1}, {15, 15}));
    check(run_op("Attention", {q, k, v}, {{"is_causal", std::int64_t{1}}}, 1, 23), 0, floats({1, 1, 2, 1}, {10, 15}));
    const Tensor blind = bytes(ElementType::boolean, {2, 2}, {0, 0, 0, 1});
    check(run_op("Attention", {q, k, v, blind}, {}, 1, 23), 0, floats({1, 1, 2, 1}, {0, 20}));
}

TEST_CASE("einsum, Fourier transforms, sampling") {
    check(run_op("Einsum", {ramp({2, 2})}, {{"equation", std::string("ii")}}), 0, floats({}, {3}));
    check(run_op("Einsum", {ramp({2, 2}), ramp({2, 2})}, {{"equation", std::string("ij,jk->ki")}}), 0,
          floats({2, 2}, {2, 6, 3, 11}));
    check(run_op("DFT", {floats({1, 4, 1}, {1, 0, 0, 0})}, {{"onesided", std::int64_t{1}}}, 1, 17), 0,
          floats({1, 3, 2}, {1, 0, 1, 0, 1, 0}));
    check(run_op("GridSample", {ramp({1, 1, 2, 2}), floats({1, 1, 2, 2}, {0, 0, 1, 1})},
                 {{"align_corners", std::int64_t{1}}}, 1, 20),
          0, floats({1, 1, 1, 2}, {1.5, 3}));
}

TEST_CASE("searches") {
    check(run_op("NonZero", {floats({2, 2}, {0, 1, 1, 0})}), 0, ints({2, 2}, {0, 1, 1, 0}));
    const auto unique = run_op("Unique", {floats({4}, {2, 1, 2, 3})}, {}, 4);
    check(unique, 0, floats({3}, {1, 2, 3}));
    check(unique, 2, ints({4}, {1, 0, 1, 2}));
    const Tensor boxes = floats({1, 3, 4}, {0, 0, 1, 1, 0, 0, 1, 0.9F, 5, 5, 6, 6}),
                 scores = floats({1, 1, 3}, {0.8F, 0.9F, 0.1F});
    check(run_op("NonMaxSuppression", {boxes, scores, ints({}, {5}), floats({}, {0.5}), floats({}, {0.05F})}), 0,
          ints({2, 3}, {0, 0, 1, 0, 0, 2}));
}

TEST_CASE("shape arithmetic leaves nothing for the device") {
    ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {"N", 3, 4})
        .op("Shape", {"x"}, {"s"})
        .initialiser("first", ints({}, {0}))
        .op("Gather", {"s", "first"}, {"n"})
        .initialiser("axes", ints({1}, {0}))
        .op("Unsqueeze", {"n", "axes"}, {"n1"})
        .initialiser("rest", ints({1}, {12}))
        .op("Concat", {"n1", "rest"}, {"to"}, {{"axis", std::int64_t{0}}})
        .op("Reshape", {"x", "to"}, {"y"})
        .output("y");
    const auto graph = importer::lower(maker.model(), {{{"N", 7}}, {}});
    CHECK(graph.ops.size() == 1);
    CHECK(graph.type(graph.outputs[0].value).shape == Shape{7, 12});
}

TEST_CASE("a reshape that is told no shape is refused") {
    CHECK_THROWS_WITH_AS((void)run_op("Reshape", {floats({4}, {1, 2, 3, 4})}), doctest::Contains("it is told no shape"),
                         base::Error);
}

TEST_CASE("what scikit-learn's linear models become") {
    const auto ml = [](const char* type, const std::vector<Tensor>& inputs, const test::AttributeList& attributes,
                       int outputs = 1) { return run_op(type, inputs, attributes, outputs, 1, "ai.onnx.ml"); };
    using Reals = std::vector<double>;
    const Tensor x = floats({2, 2}, {1, 2, 3, -4});
    CHECK(tensor::to_doubles(ml("Scaler", {x}, {{"offset", Reals{1, 0}}, {"scale", Reals{2, 3}}})[0]) ==
          Reals{0, 6, 4, -12});
    CHECK(tensor::to_doubles(ml("Normalizer", {x}, {{"norm", std::string("MAX")}})[0]) == Reals{0.5, 1, 0.75, -1});
    const auto classes = ml("LinearClassifier", {x},
                            {{"coefficients", Reals{1, 0, 0, 1}},
                             {"intercepts", Reals{0, 0.5}},
                             {"classlabels_ints", std::vector<std::int64_t>{7, 9}}},
                            2);
    CHECK(tensor::to_doubles(classes[0]) == Reals{9, 7});
    CHECK(tensor::to_doubles(classes[1]) == Reals{1, 2.5, 3, -3.5});
}

TEST_CASE("bounds of old versions of Clip are attributes, for every element type") {
    for (const auto element : {ElementType::f32, ElementType::f64}) {
        const Tensor x = bytes(element, {4}, {-3, 0.5, 2, 9});
        check(run_op("Clip", {x}, {{"min", -1.0}, {"max", 2.0}}, 1, 6), 0, bytes(element, {4}, {-1, 0.5, 2, 2}));
        check(run_op("Clip", {x}, {{"max", 1.0}}, 1, 10), 0, bytes(element, {4}, {-3, 0.5, 1, 1}));
    }
}

TEST_CASE("Dropout in training drops half unless it is told another ratio") {
    const Tensor x = floats({2}, {1, 2}), yes = bytes(ElementType::boolean, {}, {1});
    CHECK(says(error_of([&] { (void)run_op("Dropout", {x, left_out(), yes}); }), "at random, ratio 0.5"));
    check(run_op("Dropout", {x, floats({}, {0}), yes}), 0, x);
    check(run_op("Dropout", {x}), 0, x);
}

TEST_CASE("before version 7 a second operand stands where an attribute says") {
    const Tensor x = ramp({2, 3, 2});
    const AttributeList at_channels{{"broadcast", std::int64_t{1}}, {"axis", std::int64_t{1}}};
    check(run_op("Add", {x, floats({3}, {10, 20, 30})}, at_channels, 1, 6), 0,
          floats({2, 3, 2}, {10, 11, 22, 23, 34, 35, 16, 17, 28, 29, 40, 41}));
    check(run_op("Mul", {ramp({2, 2}), floats({2}, {1, 10})}, {{"broadcast", std::int64_t{1}}}, 1, 6), 0,
          floats({2, 2}, {0, 10, 2, 30}));
    check(run_op("Pow", {ramp({2, 2}), floats({2}, {1, 2})},
                 {{"broadcast", std::int64_t{1}}, {"axis", std::int64_t{0}}}, 1, 6),
          0, floats({2, 2}, {0, 1, 4, 9}));
    CHECK(says(error_of([&] { (void)run_op("Add", {floats({3}, {1, 2, 3}), x}, at_channels, 1, 6); }), "axis"));
    check(run_op("PRelu", {floats({1, 2, 2}, {-1, 1, -2, 2}), floats({2}, {10, 100})}, {}, 1, 6), 0,
          floats({1, 2, 2}, {-10, 1, -200, 2}));
}

TEST_CASE("BitCast reads the same bytes as another type") {
    const AttributeList to_i32{{"to", std::int64_t{6}}};
    check(run_op("BitCast", {floats({2}, {1, -2})}, to_i32, 1, 26), 0,
          tensor::from_doubles(ElementType::i32, Shape{2}, std::vector<double>{1065353216, -1073741824}));
    CHECK(says(error_of([&] { (void)run_op("BitCast", {ints({1}, {1})}, to_i32, 1, 26); }), "as elements of i32"));
}

TEST_CASE("the nearest of two is the one that the reference's f32 arithmetic finds") {
    // (1 + 0.5) / 0.6 - 0.5 is 2 in f32, and a little less when 0.6f is taken as a double.
    check(run_op("Resize", {ramp({5}), left_out(), floats({1}, {0.6F})},
                 {{"mode", std::string("nearest")}, {"nearest_mode", std::string("floor")}}),
          0, floats({3}, {0, 2, 3}));
}
