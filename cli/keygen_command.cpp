// shoal keygen: the key pair of a board.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "cli/commands.hpp"
#include "cli/messages.hpp"
#include "cli/output.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "platform/board.hpp"
#include "transport/keys.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kDetails =
    "Makes a CURVE key pair: NAME.key, the secret that stays on this board and that only its owner can read, and "
    "NAME.pub, which is handed to those who shall let this board in. Keys that are there are never overwritten; where "
    "the secret stands alone, its public half is written anew.";
constexpr const char* kExamples =
    "shoal keygen kitchen\n"
    "shoal keygen -o /etc/shoal/hub";

struct KeygenFlags {
    std::string name, output;
    bool json = false;
};

std::string default_name() {
    const auto host = platform::board().host_name;
    return host.empty() || host.find('/') != std::string::npos ? "board" : host;
}

transport::Keys make_pair(const std::string& name) {
    if (auto keys = transport::Keys::complete(name)) return *keys;
    auto keys = transport::Keys::generate();
    const auto folder = std::filesystem::path(name).parent_path();
    if (!folder.empty()) base::make_folder(folder);
    keys.save(name);
    return keys;
}

Exit keygen(const KeygenFlags& flags) {
    if (!flags.name.empty() && !flags.output.empty()) throw UsageError("give the name once: as NAME or with --output");
    std::string name = !flags.output.empty() ? flags.output : !flags.name.empty() ? flags.name : default_name();
    if (name.back() == '/')
        throw UsageError("'" + name + "' is a folder; add the name of the keys, e.g. " + name + "board");
    for (const char* ending : {".key", ".pub"}) {
        const bool given = name.size() > 4 && name.compare(name.size() - 4, 4, ending) == 0;
        if (given) name.resize(name.size() - 4);  // the name of a pair is meant
    }
    const auto keys = make_pair(name);
    const std::string open = keys.public_key().text(), secret_file = name + ".key", public_file = name + ".pub";
    if (flags.json) {
        print_json({{"public_key", open}, {"secret_file", secret_file}, {"public_file", public_file}});
        return Exit::ok;
    }
    if (is_quiet()) return Exit::ok;
    Facts facts(10);
    facts.add("public key", open);
    facts.add("secret", secret_file +
                            ": stays here; the hub or node of this board is started with it. Only you can "
                            "read it, never send it anywhere.");
    facts.add("public", public_file +
                            ": copy it to the others. A hub lets in the nodes and clients whose .pub files "
                            "it was given, a node the hub whose .pub file it was given.");
    print(facts.text());
    return Exit::ok;
}

}  // namespace

void add_keygen_command(Frame& frame) {
    const auto flags = std::make_shared<KeygenFlags>();
    auto& command =
        frame.add({"keygen", "Make the key pair of a board", kDetails, kExamples}, [flags] { return keygen(*flags); });
    command.add_option("NAME", flags->name, "Where the keys go: NAME.key and NAME.pub (default: this machine's name)");
    command.add_option("-o,--output", flags->output, "The same as NAME")->option_text("NAME")->group("Keys");
    command.add_flag("--json", flags->json, "Print the public key and the files as JSON")->group("Keys");
}

}  // namespace shoal::cli
