// Makes stages ready that were deployed: finds room for them, fetches their weights, compiles them on their device and
// connects to the boards that they send to. Belongs to the node's thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "node/blobs.hpp"
#include "node/outbox.hpp"
#include "node/stage.hpp"

namespace shoal::node {

class Preparation {
public:
    struct Callbacks {
        /// The stage of that key if it is still the same.
        std::function<Stage*(const StageKey&, std::uint64_t serial)> find{};
        /// What an older stage has compiled of that graph on that device; null when none has.
        std::function<std::shared_ptr<Compiled>(const Stage&)> reusable{};
        /// True while room may become free by itself: older epochs of its deployment, or what is being let go.
        std::function<bool(const Stage&)> may_get_room{};
        std::function<void(Stage&)> ready{};
        std::function<void(const StageKey&, base::Code, const std::string&)> failed{};
    };

    Preparation(std::vector<Device>& devices, MemoryMeter& meter, Blobs& blobs, std::shared_ptr<Inbox> inbox,
                Outbox& outbox, Callbacks callbacks);

    void begin(Stage& stage);
    /// Goes on with a stage that waits for something that may have come.
    void step(Stage& stage, base::TimePoint now);

private:
    void fetch(Stage& stage);
    void still_compiling(Stage& stage, base::TimePoint now);
    void reuse(Stage& stage, base::TimePoint now);
    [[nodiscard]] bool find_room(Stage& stage);
    void compile(Stage& stage, base::TimePoint now);
    void compiled(Stage& stage, std::shared_ptr<Compiled> result, double seconds);
    void connect(Stage& stage, base::TimePoint now);
    void progress(const StageKey& key, const char* phase, std::uint64_t done, std::uint64_t total);
    [[nodiscard]] std::string misfit(const Stage& stage, std::uint64_t wanted) const;

    std::vector<Device>& devices_;
    MemoryMeter& meter_;
    Blobs& blobs_;
    std::shared_ptr<Inbox> inbox_;
    Outbox& outbox_;
    Callbacks callbacks_;
};

}  // namespace shoal::node
