#include "tensor/npy.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "base/error.hpp"
#include "support/compare.hpp"
#include "support/random.hpp"

using namespace shoal;
using base::SharedBytes;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using tensor::Type;

namespace {

SharedBytes bytes_of(const std::string& text) {
    return SharedBytes::copy_of(std::as_bytes(std::span(text.data(), text.size())));
}

// A file of the given header, version 1 unless told otherwise, and so many zero bytes of data.
std::string file(const std::string& header, std::size_t data, int version = 1) {
    std::string out = "\x93NUMPY";
    out += static_cast<char>(version);
    out += '\0';
    for (int i = 0; i < (version == 1 ? 2 : 4); ++i)
        out += static_cast<char>(header.size() >> 8 * i & 255);
    return out + header + std::string(data, '\0');
}

std::string header(const std::string& descr, const std::string& fortran, const std::string& shape) {
    return "{'descr': " + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

base::Code refused(const std::string& text) {
    try {
        (void)tensor::from_npy(bytes_of(text), "file");
    } catch (const base::Error& error) {
        CHECK(std::string(error.what()).find("file") != std::string::npos);
        return error.code();
    }
    FAIL("was read: ", text);
    return base::Code::internal;
}

constexpr auto kInvalid = base::Code::invalid_argument, kUnsupported = base::Code::unsupported;

}  // namespace

TEST_CASE("a file as NumPy writes it") {
    // python3: numpy.save(file, numpy.array([[1, 2, 3], [4, 5, 6]], 'f4'))
    std::string text = header("'<f4'", "False", "(2, 3)");
    text.insert(text.size() - 1, 118 - text.size(), ' ');
    text = file(text, 24);
    REQUIRE(text.size() == 128 + 24);
    for (int i = 0; i < 6; ++i) {
        const auto value = static_cast<float>(i + 1);
        std::memcpy(text.data() + 128 + 4 * i, &value, 4);
    }
    const auto read = tensor::from_npy(bytes_of(text), "file");
    CHECK(test::difference(read, Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})) == "");
    const auto written = tensor::to_npy(read);
    CHECK(written.size() == text.size());
    CHECK(std::memcmp(written.data(), "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4'", 20) == 0);
}

TEST_CASE("every type that .npy knows survives, in odd shapes") {
    auto random = test::generator();
    for (int number = 1; number <= tensor::kElementTypeCount; ++number) {
        const auto element = static_cast<ElementType>(number);
        for (const auto& shape :
             {Shape{}, Shape{0}, Shape{1}, Shape{13}, Shape{3, 0, 2}, Shape{127, 3}, Shape{1, 2, 3, 4, 5}}) {
            CAPTURE(to_string(Type{element, shape}));
            const auto value = test::random_tensor(random, {element, shape}, 0, 7);
            if (element == ElementType::bf16 || tensor::is_nibble(element)) {
                CHECK_THROWS_AS((void)tensor::to_npy(value), base::Error);
                continue;
            }
            auto bytes = tensor::to_npy(value);
            CHECK((bytes.size() - value.bytes().size()) % 64 == 0);
            CHECK(test::difference(tensor::from_npy(SharedBytes::own(bytes), "file"), value) == "");
            // The same at an odd address: the data is copied to an aligned place.
            bytes.insert(bytes.begin(), std::byte{0});
            const auto shifted = SharedBytes::own(bytes);
            CHECK(test::difference(tensor::from_npy(shifted.slice(1, bytes.size() - 1), "file"), value) == "");
        }
    }
}

TEST_CASE("large data is shared, not copied") {
    const auto bytes = SharedBytes::own(tensor::to_npy(Tensor(Type{ElementType::f32, {1000}})));
    const auto read = tensor::from_npy(bytes, "file");
    CHECK(read.bytes().data() >= bytes.data());
    CHECK(read.bytes().data() < bytes.data() + bytes.size());
}

TEST_CASE("versions 2 and 3, and other spellings of the same") {
    for (const int version : {1, 2, 3})
        CHECK(tensor::from_npy(bytes_of(file(header("'<i8'", "False", "(3,)"), 24, version)), "file").shape() ==
              Shape{3});
    CHECK(tensor::from_npy(bytes_of(file(header("\"<i8\"", "False", "(3,)"), 24)), "file").element() ==
          ElementType::i64);
    CHECK(tensor::from_npy(bytes_of(file(header("'|b1'", "False", "()"), 1)), "file").shape() == Shape{});
    CHECK(tensor::from_npy(bytes_of(file("{'shape':(2,1),'fortran_order':False,'descr':'|u1'}", 2)), "file").shape() ==
          Shape{2, 1});
}

TEST_CASE("Fortran order is refused where it means something") {
    CHECK(refused(file(header("'<f4'", "True", "(2, 3)"), 24)) == kUnsupported);
    CHECK(tensor::from_npy(bytes_of(file(header("'<f4'", "True", "(3,)"), 12)), "file").shape() == Shape{3});
    CHECK(refused(file(header("'<f4'", "Maybe", "(3,)"), 12)) == kInvalid);
}

TEST_CASE("foreign element types are refused by name") {
    for (const char* descr : {"'>f4'", "'<f16'", "'<c8'", "'<U4'", "'|S1'", "'|O'", "'<M8[ns]'", "[('a', '<f4')]",
                              "'<f4x'", "'<f4", "f4", "", "'", "''", "'<'", "'<i3'", "'<f1'", "'!f4'"}) {
        CAPTURE(descr);
        CHECK(refused(file(header(descr, "False", "(3,)"), 100)) == kUnsupported);
    }
}

TEST_CASE("shapes that cannot be are refused before anything is allocated") {
    for (const char* shape : {"(-1,)", "(2, -3)", "(9223372036854775807, 2)", "(99999999999999999999,)", "(1e3,)",
                              "(3L)", "(a)", "3", "[3]", "(3", "", "(0x3,)", "(1,1,1,1,1,1,1,1,1,1,1,1,1)",
                              "(4611686018427387904,)", "(1099511627776,)", "(1000000,)", "(3.5,)"}) {
        CAPTURE(shape);
        CHECK(refused(file(header("'<f4'", "False", shape), 16)) == kInvalid);
    }
}

TEST_CASE("headers that are no headers") {
    CHECK(refused("") == kInvalid);
    CHECK(refused("\x93NUMPY") == kInvalid);
    CHECK(refused(std::string(1000, '\0')) == kInvalid);
    CHECK(refused(file("", 100)) == kInvalid);
    CHECK(refused(file("{}", 100)) == kInvalid);
    CHECK(refused(file("'descr' 'shape' 'fortran_order'", 100)) == kInvalid);
    CHECK(refused(file(header("'<f4'", "False", "(3,)"), 12, 4)) == kUnsupported);
    CHECK(refused(file(header("'<f4'", "False", "(3,)"), 12, 0)) == kUnsupported);
    CHECK(refused(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr': '<f4'}", 28)) == kInvalid);
}

TEST_CASE("every prefix of a file is refused") {
    for (const int version : {1, 2}) {
        const std::string whole = file(header("'<f4'", "False", "(2, 3)"), 24, version);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CAPTURE(size);
            CHECK_THROWS_AS((void)tensor::from_npy(bytes_of(whole.substr(0, size)), "file"), base::Error);
        }
    }
}

TEST_CASE("damaged files are read consistently or refused") {
    auto random = test::generator();
    const std::string whole = file(header("'<f4'", "False", "(2, 3)"), 24);
    int read = 0;
    for (int round = 0; round < 50000; ++round) {
        std::string text = whole;
        for (auto left = 1 + random() % 4; left > 0; --left)
            text[random() % (round % 2 == 0 ? 80 : text.size())] = static_cast<char>(random());
        try {
            const auto value = tensor::from_npy(bytes_of(text), "file");
            CHECK(value.bytes().size() == value.type().size_bytes());
            CHECK(value.bytes().size() <= text.size());
            ++read;
        } catch (const base::Error& error) {
            CHECK((error.code() == kInvalid || error.code() == kUnsupported));
        }
    }
    CHECK(read > 0);
}
