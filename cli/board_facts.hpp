// What the operating system says about this board, for people and as JSON. Absent values are shown as absent.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "platform/board.hpp"
#include "platform/clocks.hpp"
#include "platform/cpu.hpp"
#include "platform/memory.hpp"
#include "platform/network.hpp"
#include "platform/pressure.hpp"
#include "platform/thermal.hpp"

namespace shoal::cli {

struct BoardFacts {
    platform::Board board{};
    platform::Cpu cpu{};
    std::vector<platform::CoreClock> clocks{};
    platform::Memory memory{};
    platform::Thermal thermal{};
    platform::Pressure pressure{};
    std::vector<platform::NetworkLink> links{};
};
[[nodiscard]] BoardFacts board_facts();

/// A line or more a fact, 80 columns wide.
[[nodiscard]] std::string board_text(const BoardFacts& facts);
[[nodiscard]] nlohmann::ordered_json board_json(const BoardFacts& facts);

}  // namespace shoal::cli
