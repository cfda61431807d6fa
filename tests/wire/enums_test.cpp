// The numbers that cross the wire, held one by one: none of them may ever change, and a new one raises the minor
// version (message.hpp) and the decoders' limits (values.cpp, deploy_messages.cpp).
#include <doctest/doctest.h>

#include "device/device.hpp"
#include "graph/card.hpp"
#include "plan/plan.hpp"
#include "tensor/element_type.hpp"
#include "wire/status.hpp"

namespace {

using namespace shoal;

template <class Enum>
constexpr int number(Enum value) {
    return static_cast<int>(value);
}

static_assert(number(tensor::ElementType::f32) == 1 && number(tensor::ElementType::f16) == 2 &&
              number(tensor::ElementType::bf16) == 3 && number(tensor::ElementType::f64) == 4 &&
              number(tensor::ElementType::i8) == 5 && number(tensor::ElementType::u8) == 6 &&
              number(tensor::ElementType::i16) == 7 && number(tensor::ElementType::u16) == 8 &&
              number(tensor::ElementType::i32) == 9 && number(tensor::ElementType::u32) == 10 &&
              number(tensor::ElementType::i64) == 11 && number(tensor::ElementType::u64) == 12 &&
              number(tensor::ElementType::boolean) == 13 && number(tensor::ElementType::i4) == 14 &&
              number(tensor::ElementType::u4) == 15 && tensor::kElementTypeCount == 15);
static_assert(number(device::Kind::cpu) == 1 && number(device::Kind::gpu) == 2 &&
              number(device::Kind::accelerator) == 3 && number(device::Kind::custom) == 4 &&
              number(device::Kind::host) == 5);
static_assert(number(device::KernelClass::automatic) == 0 && number(device::KernelClass::plain) == 1 &&
              number(device::KernelClass::wide_simd) == 2 && number(device::KernelClass::gpu) == 3);
static_assert(number(plan::Objective::latency) == 1 && number(plan::Objective::throughput) == 2);
static_assert(number(plan::Axis::operators) == 1 && number(plan::Axis::requests) == 2 &&
              number(plan::Axis::batch) == 3 && number(plan::Axis::models) == 4);
static_assert(number(plan::Merge::hand_over) == 1 && number(plan::Merge::concatenate) == 2 &&
              number(plan::Merge::sum) == 3 && number(plan::Merge::weighted_mean) == 4 &&
              number(plan::Merge::majority_vote) == 5 && number(plan::Merge::best_score) == 6 &&
              number(plan::Merge::mean_of_softmax) == 7);
static_assert(number(graph::Merge::concat) == 0 && number(graph::Merge::sum) == 1 &&
              number(graph::Merge::product) == 2 && number(graph::Merge::max) == 3 && number(graph::Merge::min) == 4);
static_assert(number(base::Code::invalid_argument) == 1 && number(base::Code::refused) == 6 &&
              number(base::Code::io) == 20 && number(base::Code::out_of_memory) == 27 &&
              number(base::Code::internal) == 40);

TEST_CASE("no enumeration has members that the decoders do not know") {
    CHECK(tensor::name(tensor::ElementType{16}) == "?");
    CHECK(device::name(device::Kind{6}) == "?");
    CHECK(device::name(device::KernelClass{4}) == "?");
    CHECK(graph::name(graph::Merge{5}) == "?");
    CHECK(wire::name(wire::BoardState{5}) == "?");
    CHECK(wire::name(wire::ModelState{5}) == "?");
}

}  // namespace
