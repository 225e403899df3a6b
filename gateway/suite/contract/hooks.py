"""What schemathesis cannot read out of a document: narrower schemas for data that is made, never for answers."""

import os
import re

import schemathesis

# of the types that an Any may hold a document says nothing: one that the test services know, or none at all
ANY = {
    "anyOf": [
        {"type": "object", "maxProperties": 0},
        {
            "type": "object",
            "properties": {
                "@type": {"const": "type.googleapis.com/google.rpc.RequestInfo"},
                "requestId": {"type": ["string", "null"]},
            },
            "required": ["@type"],
            "additionalProperties": False,
        },
    ]
}


def narrow(schema):
    """Puts ANY in the place of every schema of google.protobuf.Any."""
    if isinstance(schema, list):
        return [narrow(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    properties = schema.get("properties")
    if isinstance(properties, dict) and set(properties) == {"@type"} and schema.get("additionalProperties") is True:
        if schema.get("type") == ["object", "null"]:
            return {"anyOf": [*ANY["anyOf"], {"type": "null"}]}
        return ANY
    return {key: narrow(value) for key, value in schema.items()}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    schemas = raw_schema["components"]["schemas"]
    for name in schemas:
        if name.endswith("Input"):
            schemas[name] = narrow(schemas[name])
    # a caller may name its own tool alone: another one is always refused
    tool = os.environ.get("CONTRACT_TOOL")
    for item in raw_schema["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", []) if isinstance(operation, dict) else []:
                if tool and parameter["name"] == "tool" and parameter["in"] == "path":
                    parameter["schema"] = {"type": "string", "enum": [tool]}
                if tool and parameter["name"] == "name" and parameter["in"] == "path":
                    parameter["examples"] = {"known": {"value": "known"}}
    # with a response for every other status, any status would be a documented one
    for item in raw_schema["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and "responses" in operation:
                default = operation["responses"].pop("default", None)
                for status in os.environ.get("CONTRACT_STATUSES", "").split():
                    operation["responses"].setdefault(status, default)


# streams are as long as they are told to be: valid lengths stay valid, but end soon
MOST = {"count": 3, "parts": 3, "size": 1000, "title_size": 100, "titleSize": 100}


@schemathesis.hook
def before_call(context, case, kwargs):
    query = case.query
    if not isinstance(query, dict):
        return
    for name, most in MOST.items():
        try:
            if int(query.get(name, 0)) > most:
                query[name] = most
        except (TypeError, ValueError):
            pass
    if query.get("follow") in ("true", True):
        query["follow"] = "false"
    if isinstance(query.get("pause"), str) and query["pause"].endswith("s"):
        query["pause"] = re.sub(r"^[0-9]+(?=(\.[0-9]{1,9})?s$)", "0", query["pause"])
