#include "tensor/tensor.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/compare.hpp"
#include "support/random.hpp"

using namespace shoal;
using base::SharedBytes;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using tensor::Type;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <class Action>
void check_fails(base::Code code, Action&& action) {
    try {
        action();
        FAIL("nothing thrown");
    } catch (const base::Error& error) {
        CHECK(base::name(error.code()) == base::name(code));
    }
}

std::vector<std::int64_t> through(ElementType element, const std::vector<double>& values) {
    return to_ints(from_doubles(element, {static_cast<std::int64_t>(values.size())}, values));
}

}  // namespace

TEST_CASE("new memory is zeroed and aligned") {
    for (const std::int64_t count : {0, 1, 3, 13, 127, 1000}) {
        const Tensor value(Type{ElementType::f32, {count}});
        CHECK(value.bytes().size() == static_cast<std::size_t>(4 * count));
        CHECK(reinterpret_cast<std::uintptr_t>(value.bytes().data()) % 64 == 0);
        for (const float element : value.as<float>())
            CHECK(element == 0);
    }
    CHECK(Tensor().shape() == Shape{0});
    CHECK(to_string(Type{ElementType::f32, {1, 3}}) == "f32[1, 3]");
}

TEST_CASE("a tensor too large for any memory is refused") {
    // With 32 bits its size cannot even be told.
    constexpr auto kTooLarge = sizeof(std::size_t) == 8 ? base::Code::out_of_memory : base::Code::invalid_argument;
    check_fails(kTooLarge, [] { Tensor(Type{ElementType::u8, {std::int64_t{1} << 60}}); });
    check_fails(base::Code::invalid_argument, [] { Tensor(Type{ElementType::f64, {std::int64_t{1} << 61}}); });
    check_fails(kTooLarge, [] { Tensor(Type{ElementType::u8, {std::numeric_limits<std::int64_t>::max()}}); });
}

TEST_CASE("shared bytes have exactly the type's size") {
    const auto bytes = SharedBytes::own(std::vector<std::byte>(24));
    CHECK(Tensor({ElementType::f32, {2, 3}}, bytes).bytes().data() == bytes.data());
    check_fails(base::Code::invalid_argument, [&] { Tensor({ElementType::f32, {7}}, bytes); });
    check_fails(base::Code::invalid_argument, [&] { Tensor({ElementType::f32, {5}}, bytes); });
    CHECK_THROWS_WITH((Tensor{Type{ElementType::f32, {7}}, bytes}), "tensor f32[7] takes 28 bytes, got 24");
}

TEST_CASE("only the sole owner of its own memory may write") {
    Tensor value = Tensor::of<float>({2}, {1, 2});
    value.edit_as<float>()[0] = 7;
    CHECK(value.as<float>()[0] == 7);
    {
        const Tensor copy = value;
        check_fails(base::Code::internal, [&] { (void)value.edit(); });
        CHECK(copy.as<float>()[0] == 7);
    }
    CHECK_NOTHROW((void)value.edit());
    Tensor shared({ElementType::u8, {3}}, SharedBytes::own(std::vector<std::byte>(3)));
    check_fails(base::Code::internal, [&] { (void)shared.edit(); });
    check_fails(base::Code::internal, [&] { (void)value.as<double>(); });
    check_fails(base::Code::internal, [&] { (void)value.edit_as<std::int32_t>(); });
}

TEST_CASE("unaligned bytes are not handed out as elements, but can be read one by one") {
    const auto bytes = SharedBytes::own(std::vector<std::byte>(9, std::byte{1}));
    const Tensor value({ElementType::i32, {2}}, bytes.slice(1, 8));
    if (reinterpret_cast<std::uintptr_t>(value.bytes().data()) % 4 != 0)
        check_fails(base::Code::internal, [&] { (void)value.as<std::int32_t>(); });
    CHECK(element_as_int(value, 1) == 0x01010101);
}

TEST_CASE("another shape of the same elements") {
    const Tensor value = Tensor::of<std::int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
    const Tensor other = value.reshaped({3, 2, 1});
    CHECK(other.bytes().data() == value.bytes().data());
    CHECK(other.shape() == Shape{3, 2, 1});
    check_fails(base::Code::invalid_argument, [&] { (void)value.reshaped({5}); });
    CHECK(Tensor::scalar(2.5).reshaped({1, 1}).as<double>()[0] == 2.5);
}

TEST_CASE("elements of every type read as numbers") {
    for (int number = 1; number <= tensor::kElementTypeCount; ++number) {
        const auto element = static_cast<ElementType>(number);
        CAPTURE(name(element));
        const bool flag = element == ElementType::boolean;
        const std::vector<double> values = flag ? std::vector<double>{0, 1, 1} : std::vector<double>{0, 5, 7};
        const auto value = from_doubles(element, {3}, values);
        CHECK(to_doubles(value) == values);
        CHECK(to_ints(value) == std::vector<std::int64_t>{0, flag ? 1 : 5, flag ? 1 : 7});
        CHECK(element_as_double(value, 2) == values[2]);
        if (tensor::is_signed(element)) CHECK(to_doubles(from_doubles(element, {1}, std::vector<double>{-3}))[0] == -3);
    }
}

TEST_CASE("integers saturate and round to even") {
    const std::vector<double> values{-1e30, -129,  -128.5, -0.5,      0.5,        1.5, 2.5,
                                     126.5, 127.5, 1e30,   kInfinity, -kInfinity, kNan};
    CHECK(through(ElementType::i8, values) ==
          std::vector<std::int64_t>{-128, -128, -128, 0, 0, 2, 2, 126, 127, 127, 127, -128, 0});
    CHECK(through(ElementType::u8, values) == std::vector<std::int64_t>{0, 0, 0, 0, 0, 2, 2, 126, 128, 255, 255, 0, 0});
    CHECK(through(ElementType::i4, {-9, -8, 7, 8, 2.5, 3.5}) == std::vector<std::int64_t>{-8, -8, 7, 7, 2, 4});
    CHECK(through(ElementType::u4, {-1, 0, 15, 16, 0.5}) == std::vector<std::int64_t>{0, 0, 15, 15, 0});
    CHECK(through(ElementType::i4, {kInfinity, -kInfinity, kNan}) == std::vector<std::int64_t>{7, -8, 0});
    CHECK(through(ElementType::i64, {9.3e18, -9.3e18, 4503599627370497.0}) ==
          std::vector<std::int64_t>{INT64_MAX, INT64_MIN, 4503599627370497});
    CHECK(through(ElementType::i32, {2147483647.5, -2147483649.0}) == std::vector<std::int64_t>{INT32_MAX, INT32_MIN});
    CHECK(through(ElementType::boolean, {0, -0.0, 0.1, kNan, -3}) == std::vector<std::int64_t>{0, 0, 1, 1, 1});
}

TEST_CASE("nibbles, the even one in the low half") {
    const auto value = from_doubles(ElementType::i4, {3}, std::vector<double>{1, -2, 7});
    REQUIRE(value.bytes().size() == 2);
    CHECK(std::to_integer<int>(value.bytes()[0]) == 0xe1);
    CHECK(std::to_integer<int>(value.bytes()[1]) == 0x07);
    for (int byte = 0; byte < 256; ++byte) {
        const Tensor both({ElementType::i4, {2}}, SharedBytes::own({static_cast<std::byte>(byte)}));
        CHECK(element_as_int(both, 0) == ((byte & 15) ^ 8) - 8);
        CHECK(element_as_int(both, 1) == ((byte >> 4) ^ 8) - 8);
        const Tensor plain({ElementType::u4, {2}}, SharedBytes::own({static_cast<std::byte>(byte)}));
        CHECK(element_as_int(plain, 0) == (byte & 15));
        CHECK(element_as_int(plain, 1) == byte >> 4);
    }
    check_fails(base::Code::unsupported, [&] { tensor::with_type(ElementType::i4, [](auto) {}); });
}

TEST_CASE("floats keep their odd values") {
    for (const auto element : {ElementType::f16, ElementType::bf16, ElementType::f32, ElementType::f64}) {
        const auto back =
            to_doubles(from_doubles(element, {4}, std::vector<double>{kInfinity, -kInfinity, kNan, -0.0}));
        CHECK(back[0] == kInfinity);
        CHECK(back[1] == -kInfinity);
        CHECK(std::isnan(back[2]));
        CHECK((back[3] == 0 && std::signbit(back[3])));
    }
}

TEST_CASE("the comparison of tensors can fail") {
    const auto a = Tensor::of<float>({3}, {1, 2, 3});
    CHECK(test::difference(a, a) == "");
    CHECK(test::difference(a, Tensor::of<float>({3}, {1, 2, 4})).find("first at 2") != std::string::npos);
    CHECK(test::difference(a, a.reshaped({3, 1})) != "");
    CHECK(test::difference(a, Tensor::of<float>({3}, {1, 2, NAN})) != "");
    CHECK(test::difference(a, Tensor::of<float>({3}, {1, 2, 3.01F}), {0, 0.01}) == "");
}

TEST_CASE("generated data is not constant and repeats") {
    auto first = test::generator(), second = test::generator();
    const Type type{ElementType::f32, {127}};
    const auto a = test::random_tensor(first, type, -1, 1), b = test::random_tensor(second, type, -1, 1);
    CHECK(test::difference(a, b) == "");
    CHECK(test::difference(a, test::random_tensor(first, type, -1, 1)) != "");
    double low = 1, high = -1;
    for (const double value : to_doubles(a)) {
        low = std::min(low, value);
        high = std::max(high, value);
    }
    CHECK(low < -0.8);
    CHECK(high > 0.8);
}

TEST_CASE("elements that a tensor has not are refused") {
    const auto three = tensor::from_ints(std::vector<std::int64_t>{1, 2, 3});
    CHECK(tensor::element_as_int(three, 2) == 3);
    for (const std::int64_t index : {-1, 3}) {
        CHECK_THROWS_AS((void)tensor::element_as_int(three, index), base::Error);
        CHECK_THROWS_AS((void)tensor::element_as_double(three, index), base::Error);
    }
}
