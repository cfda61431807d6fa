// Who may connect, as its files say at this moment: keys are added and taken away while a hub runs.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "transport/keys.hpp"

namespace shoal::transport {

class AllowWatch {
public:
    static constexpr std::chrono::seconds kPause{1};

    /// `paths` as AllowList::load takes them, `list` is kept like them; null: there is nothing to look at.
    AllowWatch(std::vector<std::filesystem::path> paths, std::shared_ptr<AllowList> list);
    /// Reads them, at most once in kPause: keys that came are let in, keys that went are cut off. A file of a folder
    /// that is no key is left out, other failures leave the list as it was; what is new of both is returned, a line
    /// each.
    [[nodiscard]] std::vector<std::string> look();

private:
    std::vector<std::filesystem::path> paths_;
    std::shared_ptr<AllowList> list_;
    base::TimePoint looked_{};
    std::vector<std::string> told_;
};

}  // namespace shoal::transport
