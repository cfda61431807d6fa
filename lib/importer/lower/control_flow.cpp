// If, Loop and Scan; what they do stands in control.cpp.
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

constexpr Row steering(std::string_view name, int since, Control control) {
    return {.domain = "", .name = name, .since = since, .until = 0, .lower = nullptr, .control = control};
}

const Row kRows[] = {
    steering("If", 1, Control::branch),
    steering("Loop", 1, Control::loop),
    steering("Scan", 1, Control::scan),
};

}  // namespace

namespace families {
const Family control_flow{kRows};
}

}  // namespace shoal::importer
