"""A function that calls AWS as it is told, with its role's rights and no more. Deployed in place of the real ones."""

import boto3


def handler(event, context):
    if "rawPath" in event:
        return {"path": event["rawPath"], "route": event["routeKey"], "query": event["rawQueryString"]}
    try:
        getattr(boto3.client(event["service"]), event["call"])(**event["arguments"])
    except Exception as error:
        response = getattr(error, "response", {})
        return {"error": response.get("Error", {}).get("Code", type(error).__name__), "message": str(error)}
    return {"error": None}
