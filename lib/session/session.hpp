// A loaded model ready to run: symbolic sizes are bound by the inputs of each run, and what was lowered, optimised and
// compiled for them is kept for the next run with the same sizes.
//
// The device is whatever Backend it is handed: an OpenCL device, the plain host loops, or a cluster behind a hub.
// Safe to use from several threads; runs on one device take turns.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "importer/lowering.hpp"
#include "importer/model.hpp"
#include "runtime/backend.hpp"

namespace shoal::session {

using tensor::Tensor;

using Inputs = std::map<std::string, Tensor>;
using Outputs = std::vector<std::pair<std::string, Tensor>>;  ///< in the model's order, without those that are state

/// What a model is computed in, beside what it says itself.
enum class Precision : std::uint8_t {
    fp32,   ///< as the model is
    fp16,   ///< f32 weights and activations become f16 (optimize::half_precision)
    int8w,  ///< f32 weights of products and convolutions become 8-bit whole numbers in blocks of 32
    int4w,  ///< the same in 4 bits
};
/// "fp32", "fp16", "int8w", "int4w"
[[nodiscard]] std::string_view name(Precision precision) noexcept;
/// The precision of that name, or nothing.
[[nodiscard]] std::optional<Precision> find_precision(std::string_view name) noexcept;

/// The model with its weights quantised as the precision asks; as it is for fp32 and fp16.
[[nodiscard]] importer::Model with_precision(const importer::Model& model, Precision precision);

/// An output that becomes an input of the next run.
struct StateLink {
    std::string output, input;
};

struct SessionOptions {
    /// Sets of sizes seen before whose compiled graphs are kept, the least recently used go first. Where values decide
    /// how a model goes on: ways that it went, whole, with up to 64 segments each on average.
    std::size_t kept_graphs = 16;
    std::size_t in_flight = 8;  ///< submitted runs that are open at a time; each is a thread, started when needed
    std::size_t queued = 256;   ///< submitted runs that may wait behind those; beyond, submitting is Code::busy
    Precision precision = Precision::fp32;
    /// What run() keeps on the device from one run to the next. In the first one these inputs are what they are given,
    /// else zeros of their declared type; later ones may give a value to start anew.
    std::vector<StateLink> state{};
};

/// How a submitted run ended.
struct Finished {
    Outputs outputs{};                   ///< empty when it failed
    std::optional<base::Error> error{};  ///< why it failed
};

class Session {
public:
    /// Throws unsupported with the list of operators that nothing is known of, or when the device does not compute in
    /// the precision; invalid_argument for state that the model does not have.
    Session(importer::Model model, std::shared_ptr<runtime::Backend> backend, SessionOptions options = {});
    /// Takes back what is open.
    ~Session();
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;

    [[nodiscard]] const importer::Model& model() const noexcept;
    [[nodiscard]] runtime::Backend& backend() const noexcept;

    /// Runs the model once. Inputs that the file gives a default for may be left out, and those that are state.
    /// Throws invalid_argument (unknown or missing input, type or size that contradicts the model), and what compiling
    /// and running throw. A run that gives up while its graph is compiled leaves that to the next run.
    [[nodiscard]] Outputs run(const Inputs& inputs, const runtime::RunOptions& options = {});

    /// Runs without waiting; several may be open, in no certain order. `done` is called exactly once, on a thread of
    /// the session's, before the session is gone; it must not destroy the session. What would throw from run() is in
    /// Finished. Throws busy when too many wait already, invalid_argument for a session that keeps state.
    void submit(Inputs inputs, runtime::RunOptions options, std::function<void(Finished)> done);
    /// The same, for those who wait later. The future throws what run() throws.
    [[nodiscard]] std::future<Outputs> start(Inputs inputs, runtime::RunOptions options = {});

    /// Forgets what was kept of earlier runs.
    void reset_state();
    /// The value that the next run will have as this input, copied to the host; nothing before the first run.
    /// Throws invalid_argument for an input that is no state.
    [[nodiscard]] std::optional<Tensor> state(std::string_view input) const;

    /// Lowers and compiles for inputs of these types, so that the first run() with them need not.
    void prepare(const std::map<std::string, tensor::Type>& inputs, const runtime::RunOptions& options = {});

    /// The executables that the last run used, in order: one, unless a value decided how the model went on.
    [[nodiscard]] std::vector<std::shared_ptr<runtime::Executable>> last_run() const;
    /// Their memory together; results of different segments do not live at the same time, weights do.
    [[nodiscard]] runtime::MemoryUse memory() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Lowers and optimises a static model for the given inputs: the graph that a session would compile. Nothing when a
/// value computed at run time decides how the model goes on: then it is several graphs, which only a session has.
[[nodiscard]] std::optional<graph::Graph> whole_graph(const importer::Model& model, const importer::Bindings& bindings);
/// The same; throws unsupported instead.
[[nodiscard]] graph::Graph optimised_graph(const importer::Model& model, const importer::Bindings& bindings);

}  // namespace shoal::session
