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
