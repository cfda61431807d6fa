// What the node reports of itself. Part of shell.hpp.
#include <algorithm>

#include "node/readings.hpp"
#include "node/shell.hpp"

namespace shoal::node {

using base::TimePoint;
using transport::PeerId;

namespace {

constexpr std::chrono::seconds kBetweenReadings{2};

}  // namespace

void Shell::beat(TimePoint now) {
    wire::Heartbeat out;
    out.session = registration_.session();
    out.sequence = ++beats_;
    out.memory_used_bytes = meter_.used();
    out.memory_limit_bytes = meter_.limit();
    out.cached_bytes = blobs_->cached_bytes();
    const double passed = base::to_ms(now - beat_before_);
    for (std::uint32_t i = 0; i < devices_.size(); ++i) {
        const auto busy = devices_[i].worker->busy(now);
        const double part = base::to_ms(busy - busy_before_[i]) / std::max(passed, 1e-3);
        busy_before_[i] = busy;
        const auto queued = stages_->queued(i);
        const double age = base::to_ms(devices_[i].worker->age(now, queued > 0));
        out.devices.push_back(
            {std::clamp(part, 0.0, 1.0), queued, static_cast<std::uint32_t>(std::clamp(age, 0.0, 4e9))});
    }
    beat_before_ = now;
    out.stages = stages_->counters();
    out.links = links();
    look_at_board(now);
    out.readings = readings_;
    to_hub(wire::encode(out));
}

void Shell::look_at_board(TimePoint now) {
    if (now < next_readings_) return;
    next_readings_ = now + kBetweenReadings;
    blobs_->on_disk([this, inbox = inbox_] {
        auto readings = read_board();
        inbox->post([this, readings = std::move(readings)] { readings_ = readings; });
    });
}

std::vector<wire::LinkCounters> Shell::links() const {
    std::vector<wire::LinkCounters> out;
    const auto add = [&](PeerId peer, const std::string& name) {
        const auto counted = port_->counters(peer);
        auto at = std::find_if(out.begin(), out.end(), [&](const auto& link) { return link.peer == name; });
        if (at == out.end()) at = out.insert(at, wire::LinkCounters{name, 0, 0, 0, 0, 0, 0});
        at->messages_sent += counted.messages_sent;
        at->bytes_sent += counted.bytes_sent;
        at->messages_received += counted.messages_received;
        at->bytes_received += counted.bytes_received;
        at->unsent_bytes += port_->unsent_bytes(peer);
        if (const auto time = sending_s_.find(name); time != sending_s_.end()) at->sending_s = time->second;
    };
    add(registration_.peer(), "");
    for (const auto& [peer, board] : neighbours_.peers())
        add(peer, board);
    return out;
}

}  // namespace shoal::node
