// The digits example as the load of scenario tests: a real network on real images, cut over boards too small for it.
#pragma once

#include <filesystem>
#include <string>

#include "scenarios/processes.hpp"
#include "tensor/tensor.hpp"

namespace shoal::test {

/// Images of the example that a run streams. Under a sanitizer one takes up to a hundred times as long.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr int kImages = 45;
#else
inline constexpr int kImages = 450;
#endif
/// A file of them, `times` over; put into `folder` if need be.
[[nodiscard]] std::string images_file(const std::filesystem::path& folder, int times = 1);

/// What `shoal run` on this machine alone answers for all images, computed once.
[[nodiscard]] const tensor::Tensor& digits_on_one_board(const std::string& device);

/// A client that streams all images, `times` over, through the hub as requests of their own, in a process.
class DigitsRun {
public:
    explicit DigitsRun(const Cluster& cluster, const std::string& more_flags = "", int times = 1);

    struct Result {
        int exit_code = -1;
        nlohmann::json report{};
        tensor::Tensor scores{};
        std::string error;
    };
    /// What it has said on standard error so far.
    [[nodiscard]] std::string warnings() const;
    /// Waits until it has ended.
    [[nodiscard]] Result result();

private:
    TemporaryFolder folder_;
    Member process_;
};

/// Bit for bit.
[[nodiscard]] bool same_bytes(const tensor::Tensor& a, const tensor::Tensor& b);
/// Rows of `got` that differ in some bit from those of `want`, which counts over and over.
[[nodiscard]] std::size_t wrong_rows(const tensor::Tensor& got, const tensor::Tensor& want);

/// "best" where an OpenCL device is, else the host's plain loops, and says so.
[[nodiscard]] std::string cluster_device();

}  // namespace shoal::test
