// What the hub said of an opened model last, written by the client's thread and read by any.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "plan/plan.hpp"

namespace shoal::client {

class ModelView {
public:
    void set(plan::Plan plan, std::vector<std::string> boards) {
        const std::lock_guard lock(mutex_);
        plan_ = std::move(plan);
        boards_ = std::move(boards);
    }
    void set_max_in_flight(std::uint32_t count) {
        const std::lock_guard lock(mutex_);
        max_in_flight_ = count;
    }
    [[nodiscard]] plan::Plan plan() const {
        const std::lock_guard lock(mutex_);
        return plan_;
    }
    [[nodiscard]] std::vector<std::string> boards() const {
        const std::lock_guard lock(mutex_);
        return boards_;
    }
    [[nodiscard]] std::uint32_t max_in_flight() const {
        const std::lock_guard lock(mutex_);
        return max_in_flight_;
    }

private:
    mutable std::mutex mutex_;
    plan::Plan plan_{};
    std::vector<std::string> boards_{};
    std::uint32_t max_in_flight_ = 1;
};

}  // namespace shoal::client
