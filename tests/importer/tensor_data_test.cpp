#include "importer/tensor_data.hpp"

#include <doctest/doctest.h>

#include "support/errors.hpp"
#include "support/model_maker.hpp"
#include "support/random.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

Tensor read(onnx::TensorProto proto) {
    const std::string bytes = proto.SerializeAsString();
    return importer::read_tensor(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

bool same(const Tensor& a, const Tensor& b) {
    return a.type() == b.type() && std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin(), b.bytes().end());
}

}  // namespace

TEST_CASE("every element type is read from raw data and from its typed list") {
    auto random = generator();
    for (int number = 1; number <= tensor::kElementTypeCount; ++number) {
        const auto element = static_cast<ElementType>(number);
        for (const std::int64_t count : {0, 1, 3, 13, 127}) {
            CAPTURE(tensor::name(element));
            CAPTURE(count);
            const double low = tensor::is_signed(element) ? -8 : 0, high = tensor::is_signed(element) ? 7 : 15;
            const Tensor want = random_tensor(random, {element, Shape{count}}, low, high);
            for (const bool raw : {true, false}) {
                onnx::TensorProto proto;
                fill(proto, want, raw);
                CHECK(same(read(proto), want));
            }
        }
    }
}

TEST_CASE("booleans are 0 or 1 whatever the file holds") {
    onnx::TensorProto proto;
    proto.add_dims(3);
    proto.set_data_type(9);
    proto.set_raw_data(std::string("\x00\x02\xff", 3));
    CHECK(tensor::to_ints(read(proto)) == std::vector<std::int64_t>{0, 1, 1});
}

TEST_CASE("data that does not fit the type is refused with both sizes") {
    onnx::TensorProto proto;
    fill(proto, floats({2, 3}, {1, 2, 3, 4, 5, 6}));
    proto.set_name("w");
    proto.mutable_raw_data()->pop_back();
    const auto message = error_of([&] { (void)read(proto); });
    CHECK(says(message, "tensor 'w'"));
    CHECK(says(message, "23 bytes"));
    CHECK(says(message, "24"));
    proto.clear_raw_data();
    CHECK(says(error_of([&] { (void)read(proto); }), "0 bytes"));
    proto.add_float_data(1);
    CHECK(says(error_of([&] { (void)read(proto); }), "4 bytes"));
}

TEST_CASE("dims that are negative, too many or overflow are refused before anything is allocated") {
    for (const std::vector<std::int64_t>& dims : {std::vector<std::int64_t>{-1},
                                                  {3, -5},
                                                  {1LL << 40, 1LL << 40},
                                                  {1LL << 62, 4},
                                                  std::vector<std::int64_t>(13, 1)}) {
        onnx::TensorProto proto;
        proto.set_data_type(1);
        for (const auto dim : dims)
            proto.add_dims(dim);
        CHECK(code_of([&] { (void)read(proto); }) == base::Code::invalid_model);
    }
    onnx::TensorProto large;  // valid, but nothing in the file backs it
    large.set_data_type(11);
    large.add_dims(1LL << 50);
    CHECK(code_of([&] { (void)read(large); }) == base::Code::invalid_model);
}

TEST_CASE("types that Shoal has not are refused by name") {
    const std::pair<int, const char*> types[] = {{8, "string"},        {14, "complex64"},  {15, "complex128"},
                                                 {17, "float8e4m3fn"}, {19, "float8e5m2"}, {23, "float4e2m1"},
                                                 {99, "number 99"},    {-7, "number -7"},  {0, "undefined"}};
    for (const auto& [number, name] : types) {
        onnx::TensorProto proto;
        proto.set_data_type(number);
        CHECK(code_of([&] { (void)read(proto); }) == base::Code::unsupported);
        CHECK(says(error_of([&] { (void)read(proto); }), name));
    }
}

TEST_CASE("a tensor shares the file's bytes where they are aligned and copies them where not") {
    // Nine bytes more in front move the weights by nine.
    for (const std::string& name :
         {std::string("w"), std::string("wwwwwwwwww"), std::string("ww"), std::string("www")}) {
        ModelMaker maker;
        maker.graph().initialiser(name, Tensor(tensor::Type{ElementType::f32, Shape{100}}));
        const std::string bytes = maker.bytes();
        const auto file = base::SharedBytes::copy_of(std::as_bytes(std::span(bytes.data(), bytes.size())));
        const auto model = importer::Model::parse(file);
        const Tensor tensor = model.initialiser(name);
        const bool inside = tensor.bytes().data() >= file.data() && tensor.bytes().data() < file.data() + file.size();
        const auto& source = model.source()->body.initialisers.at(name);
        CHECK(inside == (reinterpret_cast<std::uintptr_t>(source.bytes.data()) % alignof(float) == 0));
        CHECK(tensor.as<float>().size() == 100);
    }
}
