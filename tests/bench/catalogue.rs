//! A catalogue of any size, and the settings of the bench's enforcer.

use std::fmt::Write as _;

/// Ceilings that no bench reaches: they are counted, and stop nothing.
pub(crate) const SETTINGS: &str = "\
[ceilings]
per_resource = 1000000000
per_tool = 1000000000
per_agent = 1000000000
tenant = 1000000000
";

/// `tools` definitions: half of them read, half change something.
pub(crate) fn toml(tools: usize) -> String {
    let mut text = String::new();
    for number in 0..tools.div_ceil(2) {
        write!(
            text,
            r#"
[[tool]]
name = "bench.get-{number:04}"
description = "Read one service"
effect = "read"
resource = {{ type = "Service", param = "service_id" }}
upstream = "cloud"
request = {{ method = "GET", path = "/v1/services/{{service_id}}" }}

[tool.params]
type = "object"
required = ["service_id"]
[tool.params.properties.service_id]
type = "string"
format = "identifier"
maxLength = 128

[[tool]]
name = "bench.scale-{number:04}"
description = "Set the number of replicas of a service"
effect = "service"
resource = {{ type = "Service", param = "service_id" }}
upstream = "cloud"
request = {{ method = "POST", path = "/v1/services/{{service_id}}/scale", body = {{ replicas = "{{replicas}}" }} }}
timeout = "10s"

[tool.params]
type = "object"
required = ["service_id", "replicas"]
[tool.params.properties.service_id]
type = "string"
format = "identifier"
maxLength = 128
[tool.params.properties.replicas]
type = "integer"
minimum = 0
maximum = 100
"#
        )
        .unwrap();
    }
    text
}
