// Operators of com.microsoft against their definitions, on small numbers.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

using List = std::vector<std::int64_t>;
constexpr auto kMicrosoft = "com.microsoft";
constexpr std::int64_t kOne = 1;

std::vector<Tensor> run(const std::string& type, const std::vector<Tensor>& inputs,
                        const AttributeList& attributes = {}, int outputs = 1) {
    return run_op(type, inputs, attributes, outputs, 17, kMicrosoft);
}

void check(const Tensor& got, const Tensor& want, double tolerance = 1e-5) {
    const auto difference = test::difference(got, want, {tolerance, tolerance});
    CHECK_MESSAGE(difference.empty(), difference);
}

// Numbers without a pattern that a mistaken order would keep.
Tensor mixed(Shape shape, ElementType element = ElementType::f32, int shift = 0) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < shape.count(); ++i)
        values.push_back(static_cast<double>((i * i * 7 + i * 3 + shift) % 23) - (element == ElementType::u8 ? 0 : 11));
    return tensor::from_doubles(element, std::move(shape), values);
}

Tensor transposed(const Tensor& x, const List& perm) {
    return run_op("Transpose", {x}, {{"perm", perm}})[0];
}

Tensor byte(double value) {
    return tensor::from_doubles(ElementType::u8, Shape{}, std::vector<double>{value});
}

}  // namespace

TEST_CASE("Unique keeps the order of first occurrence") {
    const auto got = run("Unique", {ints({6}, {2, 1, 1, 3, 4, 3})}, {}, 3);
    check(got[0], ints({4}, {2, 1, 3, 4}));
    check(got[1], ints({6}, {0, 1, 1, 2, 3, 2}));
    check(got[2], ints({4}, {1, 2, 2, 1}));
}

TEST_CASE("QLinearConv with channels last gives what it gives with channels first, transposed") {
    const Tensor x = mixed({1, 3, 4, 5}, ElementType::u8), w = mixed({2, 3, 2, 3}, ElementType::u8, 5);
    const auto with = [&](const Tensor& image, std::int64_t last) {
        return run("QLinearConv",
                   {image, floats({}, {0.5}), byte(3), w, floats({}, {0.25}), byte(4), floats({}, {20}), byte(7)},
                   {{"channels_last", last}, {"pads", List{1, 0, 0, 1}}})[0];
    };
    const Tensor first = with(x, 0), last = with(transposed(x, {0, 2, 3, 1}), 1);
    CHECK(last.shape() == Shape{1, 4, 4, 2});
    check(transposed(last, {0, 3, 1, 2}), first, 0);
}

TEST_CASE("MatMulNBits takes scales and zero points from the groups that g_idx names") {
    constexpr std::int64_t k = 32, block = 16;
    const Tensor packed = mixed({1, 2, block / 2}, ElementType::u8, 1), x = mixed({2, k}),
                 scales = floats({1, 2}, {0.5, 2}),
                 zeros = tensor::from_doubles(ElementType::u8, Shape{1}, std::vector<double>{0x93});
    const AttributeList sizes{{"K", k}, {"N", kOne}, {"bits", std::int64_t{4}}, {"block_size", block}};
    List groups(k);
    std::vector<double> weights;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        groups[i] = static_cast<std::int64_t>(i * i % 3 % 2);
        const auto pair = tensor::element_as_int(packed, static_cast<std::int64_t>(i / 2));
        const auto nibble = i % 2 == 0 ? pair & 15 : pair >> 4;
        weights.push_back(groups[i] == 0 ? 0.5 * static_cast<double>(nibble - 3) : 2 * static_cast<double>(nibble - 9));
    }
    const Tensor want = run_op("MatMul", {x, tensor::from_doubles(ElementType::f32, Shape{k, 1}, weights)})[0];
    check(run("MatMulNBits", {x, packed, scales, zeros, tensor::from_ints(groups)}, sizes)[0], want);
    groups[3] = 2;
    CHECK(says(error_of([&] {
                   (void)run("MatMulNBits", {x, packed, scales, zeros, tensor::from_ints(groups)}, sizes);
               }),
               "group 2 of 2"));
    AttributeList prepacked = sizes;
    prepacked.emplace_back("weight_prepacked", kOne);
    CHECK(says(error_of([&] { (void)run("MatMulNBits", {x, packed, scales}, prepacked); }), "weight_prepacked"));
}

TEST_CASE("convolutions with channels last give what Conv gives, transposed") {
    const Tensor x = mixed({1, 4, 4, 5}), w = mixed({6, 2, 2, 3}, ElementType::f32, 5), bias = mixed({6}),
                 z = mixed({1, 6, 4, 4}, ElementType::f32, 9);
    const AttributeList window{{"group", std::int64_t{2}}, {"pads", List{1, 0, 0, 1}}};
    const Tensor plain = run_op("Conv", {x, w, bias}, window)[0];
    const List to_last{0, 2, 3, 1};
    const Tensor last = transposed(x, to_last);
    check(run("NhwcConv", {last, transposed(w, to_last), bias}, window)[0], transposed(plain, to_last));
    check(run("NhwcConv", {last, w, bias}, window)[0], transposed(plain, to_last));
    AttributeList fused = window;
    fused.emplace_back("activation", std::string("Relu"));
    const Tensor want = run_op("Relu", {run_op("Add", {plain, z})[0]})[0];
    check(run("NhwcFusedConv", {last, w, bias, transposed(z, to_last)}, fused)[0], transposed(want, to_last));
}

TEST_CASE("GroupNorm and SkipGroupNorm, in both layouts") {
    const Tensor x = mixed({2, 4, 2, 3}), gamma = mixed({4}, ElementType::f32, 2), beta = mixed({4}),
                 skip = mixed({2, 4}, ElementType::f32, 7), bias = mixed({4}, ElementType::f32, 4);
    const List to_last{0, 2, 3, 1};
    const auto options = [](std::int64_t last, std::int64_t activation) {
        return AttributeList{
            {"groups", std::int64_t{2}}, {"epsilon", 1e-3}, {"activation", activation}, {"channels_last", last}};
    };
    const auto normed = [&](const Tensor& sum) {
        return run_op("GroupNormalization", {sum, gamma, beta}, {{"num_groups", std::int64_t{2}}, {"epsilon", 1e-3}}, 1,
                      21)[0];
    };
    const Tensor plain = normed(x);
    check(run("GroupNorm", {x, gamma, beta}, options(0, 0))[0], plain);
    const Tensor silu = run_op("Mul", {plain, run_op("Sigmoid", {plain})[0]})[0];
    check(run("GroupNorm", {transposed(x, to_last), gamma, beta}, options(1, 1))[0], transposed(silu, to_last));
    const Tensor shift = run_op("Add", {skip.reshaped({2, 4, 1, 1}), bias.reshaped({1, 4, 1, 1})})[0];
    const Tensor sum = run_op("Add", {x, shift})[0];
    for (const std::int64_t last : {0, 1}) {
        const auto laid = [&](const Tensor& t) { return last == 1 ? transposed(t, to_last) : t; };
        const auto got = run("SkipGroupNorm", {laid(x), gamma, beta, skip, bias}, options(last, 0), 2);
        check(got[0], laid(normed(sum)));
        check(got[1], laid(sum));
    }
    CHECK(says(error_of([&] { (void)run("GroupNorm", {x, gamma, beta}, options(0, 2)); }), "activation 2"));
}

TEST_CASE("FusedMatMulActivation") {
    const Tensor a = mixed({3, 2}), b = mixed({3, 4}, ElementType::f32, 3);
    const Tensor product = run_op("MatMul", {transposed(a, {1, 0}), b})[0];
    check(run("FusedMatMulActivation", {a, b},
              {{"transA", kOne}, {"activation", std::string("LeakyRelu")}, {"activation_alpha", 0.5}})[0],
          run_op("LeakyRelu", {product}, {{"alpha", 0.5}})[0]);
}

// The 16 codes in order, twice, seen through an identity.
TEST_CASE("MatMulBnb4 knows what four bits stand for") {
    std::vector<double> packed, identity;
    for (int i = 0; i < 16; ++i)
        packed.push_back(i % 8 * 2 * 16 + i % 8 * 2 + 1);
    for (int i = 0; i < 256; ++i)
        identity.push_back(i % 17 == 0 ? 1 : 0);
    const auto decoded = [&](std::int64_t type) {
        const Tensor out = run("MatMulBnb4",
                               {tensor::from_doubles(ElementType::f32, Shape{16, 16}, identity),
                                tensor::from_doubles(ElementType::u8, Shape{16}, packed), floats({2}, {1, 2})},
                               {{"N", std::int64_t{2}},
                                {"K", std::int64_t{16}},
                                {"block_size", std::int64_t{16}},
                                {"quant_type", type}})[0];
        return transposed(out, {1, 0});
    };
    // Stored from ONNX Runtime's CPU kernel.
    const std::initializer_list<float> fp4{0, 0.00520833F,  0.6666667F,  1,  0.33333334F,  0.5F,  0.16666667F,  0.25F,
                                           0, -0.00520833F, -0.6666667F, -1, -0.33333334F, -0.5F, -0.16666667F, -0.25F},
        nf4{-1,         -0.6961928F, -0.52507305F, -0.3949175F, -0.28444138F, -0.18477343F, -0.09105004F, 0,
            0.0795803F, 0.1609302F,  0.2461123F,   0.33791524F, 0.44070983F,  0.562617F,    0.72295684F,  1};
    const auto both = [](const std::initializer_list<float>& row) {
        const Tensor one = floats({1, 16}, row);
        return run_op("Concat", {one, run_op("Mul", {one, floats({}, {2})})[0]}, {{"axis", std::int64_t{0}}})[0];
    };
    check(decoded(0), both(fp4));
    check(decoded(1), both(nf4));
}

TEST_CASE("GroupQueryAttention normalises heads before anything else, and names what it does not do") {
    const Tensor q = mixed({1, 2, 16}), k = mixed({1, 2, 8}, ElementType::f32, 3),
                 v = mixed({1, 2, 8}, ElementType::f32, 6), q_weight = mixed({8}, ElementType::f32, 1),
                 k_weight = mixed({8}, ElementType::f32, 2);
    const Tensor last = Tensor::of<std::int32_t>({1}, {1}), total = Tensor::scalar<std::int32_t>(2);
    const AttributeList heads{{"num_heads", std::int64_t{2}}, {"kv_num_heads", kOne}};
    const auto attend = [&](const Tensor& query, const Tensor& key, const std::vector<Tensor>& norms,
                            AttributeList attributes) {
        std::vector<Tensor> inputs{query, key, v, left_out(), left_out(), last, total};
        inputs.resize(14, left_out());
        inputs.insert(inputs.end(), norms.begin(), norms.end());
        if (norms.empty()) inputs.resize(7);
        return run("GroupQueryAttention", inputs, attributes, 2);
    };
    const auto normed = [](const Tensor& x, const Tensor& weight, Shape apart, double epsilon) {
        return run_op("SimplifiedLayerNormalization", {x.reshaped(std::move(apart)), weight}, {{"epsilon", epsilon}})[0]
            .reshaped(x.shape());
    };
    AttributeList attributes = heads;
    attributes.emplace_back("qk_norm_epsilon", 0.5);
    attributes.emplace_back("k_norm_epsilon", 2.0);
    const auto got = attend(q, k, {q_weight, k_weight}, attributes);
    const auto want = attend(normed(q, q_weight, {1, 2, 2, 8}, 0.5), normed(k, k_weight, {1, 2, 1, 8}, 2), {}, heads);
    check(got[0], want[0]);
    check(got[1], want[1]);
    CHECK(says(error_of([&] { (void)attend(q, k, {q_weight}, heads); }), "come together"));
    AttributeList window = heads;
    window.emplace_back("sliding_window_cache", kOne);
    CHECK(says(error_of([&] { (void)attend(q, k, {}, window); }), "sliding_window_cache"));
}

TEST_CASE("embeddings of bytes are those of reals that they stand for") {
    const auto scale = [](float value) { return floats({}, {value}); };
    const Tensor ids = tensor::from_doubles(ElementType::i32, Shape{1, 3}, std::vector<double>{2, 0, 1});
    const Tensor words = mixed({4, 6}, ElementType::u8, 1), places = mixed({3, 6}, ElementType::u8, 2),
                 gamma = mixed({6}, ElementType::u8, 3), beta = mixed({6}, ElementType::u8, 4);
    const auto got =
        run("QEmbedLayerNormalization",
            {ids, left_out(), words, places, left_out(), gamma, beta, left_out(), scale(0.5F), scale(0.25F), left_out(),
             scale(0.1F), scale(0.2F), byte(3), byte(4), left_out(), byte(5), byte(6)},
            {{"epsilon", 1e-5}});
    const auto real = [&](const Tensor& x, float by, double zero) {
        return run_op("DequantizeLinear", {x, scale(by), byte(zero)})[0];
    };
    const auto want = run("EmbedLayerNormalization",
                          {ids, left_out(), real(words, 0.5F, 3), real(places, 0.25F, 4), left_out(),
                           real(gamma, 0.1F, 5), real(beta, 0.2F, 6)},
                          {{"epsilon", 1e-5}});
    check(got[0], want[0]);
}

TEST_CASE("distances between rows, a range without a step, and values wider than keys") {
    const Tensor a = floats({2, 2}, {0, 0, 3, 4}), b = floats({1, 2}, {3, 0});
    check(run("CDist", {a, b}, {{"metric", std::string("euclidean")}})[0], floats({2, 1}, {3, 4}));
    check(run("CDist", {a, b}, {{"metric", std::string("sqeuclidean")}})[0], floats({2, 1}, {9, 16}));
    check(run("Range", {floats({}, {1}), floats({}, {4})})[0], floats({3}, {1, 2, 3}));
    // One token sees itself only: what comes out is its value.
    const Tensor weights = floats({1, 4}, {1, 2, 5, 7});
    check(run("Attention", {floats({1, 1, 1}, {2}), weights},
              {{"num_heads", kOne}, {"qkv_hidden_sizes", List{1, 1, 2}}})[0],
          floats({1, 1, 2}, {10, 14}));
}
