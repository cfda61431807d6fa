// What goes from one run of a session to the next: results that stay on the device and become inputs.
// Not thread-safe; a session holds `mutex()` for a whole run.
#pragma once

#include <mutex>

#include "session/session.hpp"

namespace shoal::session {

class CarriedState {
public:
    using Buffers = std::map<std::string, runtime::BufferPtr>;
    using Types = std::map<std::string, tensor::Type>;

    /// Throws invalid_argument for names that the model does not have, for an input that two outputs are to become, and
    /// for elements of different types.
    CarriedState(const importer::Model& model, std::vector<StateLink> links);

    [[nodiscard]] bool empty() const noexcept { return links_.empty(); }
    [[nodiscard]] std::mutex& mutex() const noexcept { return mutex_; }
    [[nodiscard]] bool is_output(std::string_view name) const noexcept;
    [[nodiscard]] bool is_input(std::string_view name) const noexcept;

    /// Adds the types of what is carried, or of the zeros to start from, where `types` has none for these inputs.
    /// Throws invalid_argument for state whose size is not declared.
    void add_types(Types& types) const;
    /// Adds the values that `types` was given.
    void add_values(const Types& types, Buffers& values, runtime::Backend& backend,
                    const runtime::RunOptions& options) const;
    /// Takes the results over that are state. `outputs` are their names, every state among them.
    /// Throws invalid_argument for one that contradicts what its input is declared as.
    void keep(const std::vector<std::string>& outputs, const std::vector<runtime::BufferPtr>& results);
    void reset() { carried_.clear(); }
    [[nodiscard]] runtime::BufferPtr find(std::string_view input) const;

private:
    void expect_fits(const StateLink& link, const tensor::Type& made) const;

    const std::vector<importer::ValueInfo>& inputs_;  // the model's
    std::vector<StateLink> links_;
    Buffers carried_{};  // by input
    mutable std::mutex mutex_{};
};

}  // namespace shoal::session
