// Shoal for C++: the C interface (shoal.h, which says what every call does, its errors and its threads) with handles
// that release themselves, exceptions instead of codes, and functions as callbacks. Header-only; needs C++20.
//
//     shoal::Model model("digits.onnx", shoal::Place::device("best"));
//     const std::vector<float> picture(64);
//     const auto outputs = model.run({{"image", shoal::array<float>({1, 1, 8, 8}, picture)}});
//     const auto scores = outputs[0].as<float>();
//
// Handles may be moved, not copied, and are used from any thread as the C ones. Views (TensorView, std::span,
// std::string_view, Value) do not own: what they show belongs to whom they came from.
#ifndef SHOAL_SHOAL_HPP
#define SHOAL_SHOAL_HPP

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "shoal/shoal.hpp needs C++20: compile with -std=c++20. shoal/shoal.h is for older C++ and for C."
#endif

#include "shoal/cluster.hpp"
#include "shoal/error.hpp"
#include "shoal/model.hpp"
#include "shoal/tensor.hpp"

#endif
