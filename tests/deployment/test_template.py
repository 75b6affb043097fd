"""What the template promises an operations team."""

import json
import tomllib

import pytest

from deskwire.conversation.mirroring import shelf
from deskwire.conversation.recorded import Outcome
from deskwire.receiving.receiver import BRIEF
from deskwire.timing import COPIED_FOR, GIVE_UP
from deskwire.transcripts.chain import CHAINED, PREFIX
from deskwire.watching.archiving import FIELDS as LINE
from deskwire.watching.archiving import TOKEN_SECONDS as LINE_SECONDS
from deskwire.watching.watcher import TOKEN_SECONDS
from sandbox.cloud.stack import ROOT

METRICS = {
    *("SignatureFailures", "ConfigurationErrors", "PollErrors", "LeftOut", "TooLarge"),
    *("BrokenRegistrations", "ExpiringTokens", "SilentConnections"),
    *(
        "Dead",
        "Refused",
        "Unanswerable",
        "Undelivered",
        "UnaccountedEvents",
        "UnreadableRecords",
        "OldestUnfiledSeconds",
        "OldestUncopiedSeconds",
    ),
    "AnswersOverdue",
}

# Each role, exactly. What is added here is argued in the review of the change that needs it.
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
SES = {"ses:DescribeActiveReceiptRuleSet", "ses:GetIdentityNotificationAttributes", "ses:GetAccount"}
KEY = {"kms:Decrypt", "kms:GenerateDataKey"}
ROLES = {
    "ReceiveRole": {
        "sqs:SendMessage",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "secretsmanager:GetSecretValue",
        "s3:PutObject",
    }
    | LOGS
    | TRACE
    | KEY,
    "ConverseRole": {
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:SendMessage",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        "secretsmanager:GetSecretValue",
        "s3:GetObject",
        "s3:PutObject",
        "ses:SendEmail",
        "ses:SendRawEmail",
        "social-messaging:SendWhatsAppMessage",
        "social-messaging:GetWhatsAppMessageMedia",
        "social-messaging:GetLinkedWhatsAppBusinessAccountPhoneNumber",
        "social-messaging:GetLinkedWhatsAppBusinessAccount",
        "ses:DescribeActiveReceiptRuleSet",
        "ses:GetIdentityNotificationAttributes",
        "ses:GetAccount",
        "ses:GetEmailIdentity",
        "ses:GetConfigurationSetEventDestinations",
        "bedrock:InvokeModel",
        "comprehend:DetectSentiment",
    }
    | LOGS
    | TRACE
    | KEY,
    "SweepRole": {
        "dynamodb:Query",
        "dynamodb:GetItem",
        "sqs:SendMessage",
    }
    | LOGS
    | TRACE
    | KEY,
    "WatchRole": {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        "sqs:SendMessage",
        "sns:Publish",
        "events:PutEvents",
    }
    | LOGS
    | TRACE
    | KEY,
    "ArchiveRole": {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "sqs:SendMessage",
        "s3:PutObject",
        "s3:GetObject",
    }
    | LOGS
    | TRACE
    | KEY,
    "SweepScheduleRole": {"lambda:InvokeFunction"},
    "WatchScheduleRole": {"lambda:InvokeFunction"},
}


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(role):
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            # An optional statement is {"Fn::If": [condition, statement, AWS::NoValue]}.
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def test_each_role_has_exactly_what_its_function_uses(resources):
    roles = resources("AWS::IAM::Role")
    granted = {
        name: {action for statement in statements(role) for action in listed(statement["Action"])}
        for name, role in roles.items()
    }
    assert granted == ROLES


def test_every_role_is_bounded_where_a_boundary_is_named(template, resources):
    assert template["Parameters"]["PermissionsBoundary"]["Default"] == ""
    boundary = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
    assert {str(role["PermissionsBoundary"]) for role in resources("AWS::IAM::Role").values()} == {str(boundary)}
    assert all("Role" in function for function in resources("AWS::Serverless::Function").values())  # SAM makes none


def test_no_role_names_a_wildcard_action_or_every_resource(resources):
    for name, role in resources("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role, name
        for statement in statements(role):
            assert not any("*" in action for action in listed(statement["Action"])), (name, statement)
            if "*" in listed(statement["Resource"]):
                # Comprehend knows no resources, as X-Ray does not, nor SES for a region's rules and its account.
                assert set(listed(statement["Action"])) in (TRACE, {"comprehend:DetectSentiment"}, SES), (
                    name,
                    statement,
                )


def test_receive_reads_endpoints_and_counts_rates_but_sees_no_thread(resources):
    keys = {
        statement["Action"]: statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for statement in statements(resources("AWS::IAM::Role")["ReceiveRole"])
        if str(statement["Action"]).startswith("dynamodb:")
    }
    assert keys == {"dynamodb:GetItem": ["E#*"], "dynamodb:UpdateItem": ["R#*"], "dynamodb:Query": ["V#*"]}


def test_the_index_of_what_is_due_is_read_by_whoever_asks_it(resources):
    """A table's right is none for its index. sweep asks it each minute, converse when it looks at a connection."""
    index = {"Fn::Sub": "${Table.Arn}/index/due"}
    reading = {
        name: listed(statement["Action"])
        for name, role in resources("AWS::IAM::Role").items()
        for statement in statements(role)
        if statement["Resource"] == index
    }
    assert reading == {"SweepRole": ["dynamodb:Query"], "ConverseRole": ["dynamodb:Query"]}


def test_watch_sees_no_thread_and_writes_only_figures_incidents_and_their_tokens(resources):
    keys = {
        statement["Action"]: statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for statement in statements(resources("AWS::IAM::Role")["WatchRole"])
        if statement["Resource"] == {"Fn::GetAtt": ["Table", "Arn"]}
    }
    assert keys == {
        "dynamodb:GetItem": ["W#*", "C#*", "CONFIGURATION", "F#*", "I#*", "INCIDENTS", "Q#*"],
        "dynamodb:Query": ["F#*", "I#*", "Q#*"],
        "dynamodb:PutItem": ["W#*", "I#*", "INCIDENTS", "Q#*"],
        "dynamodb:UpdateItem": ["F#*", "I#*", "INCIDENTS", "Q#*"],
    }


def test_every_function_has_a_role_and_a_log_of_its_own(resources):
    functions = resources("AWS::Serverless::Function")
    for of_its_own in ("Role", "LoggingConfig"):
        assert len({str(function[of_its_own]) for function in functions.values()}) == len(functions) == 5


def test_every_log_is_kept_for_a_time_and_not_for_ever(resources):
    groups = resources("AWS::Logs::LogGroup")
    assert len(groups) == 6
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_the_mailbox_orders_by_thread_and_lets_one_message_fail_alone(resources):
    mailbox = resources("AWS::SQS::Queue")["Mailbox"]
    assert (mailbox["FifoQueue"], mailbox["ContentBasedDeduplication"]) == (True, False)
    assert (mailbox["DeduplicationScope"], mailbox["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
    mapping = resources("AWS::Serverless::Function")["ConverseFunction"]["Events"]["Mailbox"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == {"Ref": "HelpdeskConcurrency"}
    assert "FilterCriteria" not in mapping  # what a filter leaves out is deleted


def test_watch_is_retried_in_part_and_what_it_gives_up_calls_a_person(resources):
    mapping = resources("AWS::Serverless::Function")["WatchFunction"]["Events"]["Changes"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 10_000
    assert mapping["MaximumRecordAgeInSeconds"] < TOKEN_SECONDS  # else what was counted could be counted again
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["Unwatched", "Arn"]}
    (table,) = resources("AWS::DynamoDB::Table").values()
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


ARCHIVE = {"ArchiveFunction", "ArchiveRole", "ArchiveLogs", "Transcripts", "TranscriptsPolicy"}
ARCHIVE |= {"ArchiveLateAlarm", "ArchiveErrorsAlarm", "ArchiveThrottlesAlarm"}


def test_there_is_no_archive_of_conversations_unless_its_days_are_given(template):
    assert template["Parameters"]["TranscriptDays"]["Default"] == 0
    assert template["Conditions"]["HasTranscripts"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "TranscriptDays"}, 0]}]}
    found = {name for name, each in template["Resources"].items() if each.get("Condition") == "HasTranscripts"}
    assert found == ARCHIVE
    assert template["Parameters"]["AthenaDatabase"]["Default"] == ""
    catalog = {name for name, each in template["Resources"].items() if each.get("Condition") == "HasAthena"}
    assert catalog == {"CatalogDatabase", "CatalogTable"}


def test_archive_is_retried_for_as_long_as_the_stream_keeps_its_records(resources):
    mapping = resources("AWS::Serverless::Function")["ArchiveFunction"]["Events"]["Changes"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumRecordAgeInSeconds"] < 86_400 < LINE_SECONDS
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["Unwatched", "Arn"]}


def test_conversations_expire_with_their_days_and_nobody_but_their_function_reaches_them_or_their_keys(resources):
    bucket = resources("AWS::S3::Bucket")["Transcripts"]
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert (rules["retention"]["Prefix"], rules["retention"]["ExpirationInDays"]) == (PREFIX, {"Ref": "TranscriptDays"})
    roles = resources("AWS::IAM::Role")
    reach = {name for name, role in roles.items() if "Transcripts" in str(role)}
    assert reach == {"ArchiveRole"}
    for statement in statements(roles["ConverseRole"]):
        if any(action.startswith("dynamodb:") for action in listed(statement["Action"])):
            kept = statement["Condition"]["ForAllValues:StringNotLike"]["dynamodb:LeadingKeys"]
            assert {"Y#*", "Z#*"} <= set(kept)


def test_athena_s_table_has_each_field_of_a_line(resources):
    (table,) = resources("AWS::Glue::Table").values()
    columns = {each["Name"] for each in table["TableInput"]["StorageDescriptor"]["Columns"]}
    assert columns == {*LINE, *CHAINED}


def test_nothing_is_published_unless_a_bus_is_named(template, resources):
    assert template["Parameters"]["OutcomesBus"]["Default"] == ""
    (publish,) = [
        statement["Fn::If"][0]
        for policy in resources("AWS::IAM::Role")["WatchRole"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "Fn::If" in statement and statement["Fn::If"][1]["Action"] == "events:PutEvents"
    ]
    assert publish == "HasOutcomesBus"


def test_every_queue_is_redriven_or_watched(resources):
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "QueueName"
    }
    queues = resources("AWS::SQS::Queue")
    assert watched == set(queues)
    assert [name for name, queue in queues.items() if "RedrivePolicy" in queue] == ["Mailbox"]


@pytest.mark.parametrize(
    ("kind", "number"),
    [("AWS::SQS::QueuePolicy", 4), ("AWS::S3::BucketPolicy", 2), ("AWS::SNS::TopicPolicy", 2)],
)
def test_nothing_is_taken_over_plain_http(resources, kind, number):
    policies = resources(kind).values()
    assert len({str(policy.get("Queues") or policy.get("Topics") or policy["Bucket"]) for policy in policies}) == number
    for policy in policies:
        (denial,) = [each for each in policy["PolicyDocument"]["Statement"] if each.get("Effect") == "Deny"]
        assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert denial["Principal"] == "*"


def test_the_table_survives_mistakes(resources):
    (table,) = resources("AWS::DynamoDB::Table").values()
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_deleting_the_stack_leaves_the_table_and_the_archives_and_nothing_else(template):
    staying = {
        name
        for name, resource in template["Resources"].items()
        if str(resource.get("DeletionPolicy", "Delete")).startswith("Retain")
        or resource["Properties"].get("RetentionPolicy") == "Retain"
    }
    assert staying == {"Table", "Archive", "Transcripts"}
    assert all(template["Resources"][name]["UpdateReplacePolicy"] == "Retain" for name in staying)


def test_a_stack_can_keep_the_name_of_a_restored_table_and_names_none_by_itself(template, resources):
    assert template["Parameters"]["TableName"]["Default"] == ""
    (table,) = resources("AWS::DynamoDB::Table").values()
    assert table["TableName"] == {"Fn::If": ["HasTableName", {"Ref": "TableName"}, {"Ref": "AWS::NoValue"}]}


def test_a_first_deployment_that_fails_is_not_held_up_by_the_protected_table(template):
    """CloudFormation's rollback would delete what is retained except on creation; DynamoDB refuses that."""
    assert template["Parameters"]["DeletionProtection"]["Default"] == "true"
    assert template["Resources"]["Table"]["DeletionPolicy"] == "Retain"
    assert template["Resources"]["Archive"]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_the_archive_is_private_and_forgets_unclaimed_uploads(resources):
    buckets = resources("AWS::S3::Bucket")
    assert all(all(each["PublicAccessBlockConfiguration"].values()) for each in buckets.values())
    bucket = buckets["Archive"]
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert (rules["unclaimed-uploads"]["Prefix"], rules["unclaimed-uploads"]["ExpirationInDays"]) == ("incoming/", 1)
    assert (rules["parked-briefly"]["Prefix"], rules["parked-briefly"]["ExpirationInDays"]) == (BRIEF, 1)
    assert shelf("a conversation").startswith(rules["copied-to-mirrors"]["Prefix"])
    copied = rules["copied-to-mirrors"]["ExpirationInDays"]
    assert GIVE_UP.days < copied == COPIED_FOR.days - 1  # tried for so long; S3 counts to the next midnight


def test_every_alarm_calls_the_topic_and_says_what_is_wrong(resources):
    alarms = resources("AWS::CloudWatch::Alarm")
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}], name
        assert len(alarm["AlarmDescription"]) > 20, name
    functions = set(resources("AWS::Serverless::Function"))
    for metric in ("Errors", "Throttles"):
        watched = {alarm["Dimensions"][0]["Value"]["Ref"] for alarm in alarms.values() if alarm["MetricName"] == metric}
        assert watched == functions, metric
    ours = {alarm["MetricName"]: alarm for alarm in alarms.values() if alarm["Namespace"] == "Deskwire"}
    assert set(ours) == METRICS
    dimensions = [{"Name": "stack", "Value": {"Ref": "AWS::StackName"}}, {"Name": "stage", "Value": {"Ref": "Stage"}}]
    assert all(alarm["Dimensions"] == dimensions for alarm in ours.values())


def test_every_metric_with_an_alarm_is_one_that_the_library_counts():
    library = "".join(file.read_text() for file in (ROOT / "layers/deskwire/deskwire").rglob("*.py"))
    outcomes = {str(outcome).capitalize() for outcome in Outcome}  # converse counts each outcome under its name
    assert {metric for metric in METRICS if f'"{metric}"' not in library} <= outcomes


def test_every_parameter_is_described_and_shown_in_a_group_and_none_is_a_secret(template):
    parameters = template["Parameters"]
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(parameters)
    for name, parameter in parameters.items():
        assert parameter.get("Description"), name
        assert "Default" in parameter, name
        assert not any(word in name.lower() for word in ("token", "password", "apikey")), name


def test_the_routes_are_the_channels_and_the_helpdesks(resources):
    routes = {route["RouteKey"] for route in resources("AWS::ApiGatewayV2::Route").values()}
    sides = {"ANY /channels/{endpoint}", "ANY /pages/{endpoint}", "ANY /helpdesks/{endpoint}"}
    assert routes == {*sides, "ANY /channels/{endpoint}/{action}", "ANY /pages/{endpoint}/{action}"}


def test_the_api_is_throttled_and_keeps_an_access_log(resources):
    (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "RequestRate"}
    assert stage["AccessLogSettings"]["DestinationArn"] == {"Fn::GetAtt": ["ApiLogs", "Arn"]}
    assert "authorization" not in stage["AccessLogSettings"]["Format"].lower()


def test_pages_have_a_limit_of_their_own_below_the_platforms(template, resources):
    """AWS refuses settings of a route that is not there yet, and gives one of its own nothing of the stage's."""
    parameters = template["Parameters"]
    assert parameters["PageRate"]["Default"] < parameters["RequestRate"]["Default"]
    assert parameters["PageBurst"]["Default"] < parameters["RequestBurst"]["Default"]
    (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
    routes = resources("AWS::ApiGatewayV2::Route")
    keys = {route["RouteKey"]: name for name, route in routes.items()}
    limited = {key for key in keys if key.startswith("ANY /pages/") or key.endswith("/{action}")}
    assert set(stage["RouteSettings"]) == limited
    for key, settings in stage["RouteSettings"].items():
        assert settings["ThrottlingRateLimit"] == {"Ref": "PageRate"}, key
        assert settings["ThrottlingBurstLimit"] == {"Ref": "PageBurst"}, key
        assert settings["DetailedMetricsEnabled"] is True, key
    (made,) = [each for each in template["Resources"].values() if each["Type"] == "AWS::ApiGatewayV2::Stage"]
    assert set(made["DependsOn"]) == {keys[key] for key in limited}


SECOND_ENTRANCE = ("Inbound", "InboundPolicy", "InboundSubscription", "InboundPermission", "InboundRetries")


def test_the_second_entrance_is_closed_unless_a_topic_is_named(template):
    assert template["Parameters"]["InboundTopic"]["Default"] == ""
    assert all(template["Resources"][name]["Condition"] == "HasInboundTopic" for name in SECOND_ENTRANCE)


def test_only_services_of_this_account_publish_and_only_that_topic_invokes(template):
    resources = template["Resources"]
    allow = resources["InboundPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
    assert allow["Principal"] == {
        "Service": ["ses.amazonaws.com", "s3.amazonaws.com", "social-messaging.amazonaws.com"]
    }
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    permission = resources["InboundPermission"]["Properties"]
    assert permission["SourceArn"] == {"Ref": "Inbound"}
    assert permission["Principal"] == "sns.amazonaws.com"


def test_ses_of_this_account_stores_mails_for_the_topic_s_endpoint_and_nothing_else(template):
    statements = template["Resources"]["ArchivePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    ((condition, allow, otherwise),) = [each["Fn::If"] for each in statements if "Fn::If" in each]
    assert (condition, otherwise) == ("HasInboundTopic", {"Ref": "AWS::NoValue"})
    assert allow["Principal"] == {"Service": "ses.amazonaws.com"}
    assert allow["Action"] == "s3:PutObject"
    assert allow["Resource"] == {"Fn::Sub": "${Archive.Arn}/originals/${InboundTopic}/*"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_whatsapp_through_aws_is_allowed_for_the_named_numbers_and_the_topic_s_files_alone(template):
    statements = template["Resources"]["ConverseRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    allowed = [each["Fn::If"][1] for each in statements if each.get("Fn::If", [""])[0] == "HasWhatsAppNumbers"]
    assert [(each["Action"], each["Resource"]) for each in allowed] == [
        (
            [
                "social-messaging:SendWhatsAppMessage",
                "social-messaging:GetWhatsAppMessageMedia",
                "social-messaging:GetLinkedWhatsAppBusinessAccountPhoneNumber",
            ],
            {"Ref": "WhatsAppNumbers"},
        ),
        (
            "social-messaging:GetLinkedWhatsAppBusinessAccount",
            {"Fn::Sub": "arn:${AWS::Partition}:social-messaging:${AWS::Region}:${AWS::AccountId}:waba/*"},
        ),
        ("s3:PutObject", {"Fn::Sub": "${Archive.Arn}/originals/${InboundTopic}/*"}),
    ]
    assert template["Parameters"]["WhatsAppNumbers"]["Default"] == ""


def test_machines_are_asked_only_where_the_parameters_name_them(template):
    statements = template["Resources"]["ConverseRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    allowed = {each["Fn::If"][0]: each["Fn::If"][1] for each in statements if "Fn::If" in each}
    bedrock, comprehend = allowed["HasClassifierModels"], allowed["HasComprehend"]
    assert (bedrock["Action"], bedrock["Resource"]) == ("bedrock:InvokeModel", {"Ref": "ClassifierModels"})
    assert comprehend["Action"] == "comprehend:DetectSentiment"
    assert [template["Parameters"][name]["Default"] for name in ("ClassifierModels", "Comprehend")] == ["", "off"]


def test_a_notice_that_receive_fails_at_is_kept_where_a_person_looks(template):
    retries = template["Resources"]["InboundRetries"]["Properties"]
    assert retries["FunctionName"] == {"Ref": "ReceiveFunction"}
    assert retries["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["Parked", "Arn"]}
    assert retries["MaximumRetryAttempts"] == 2


def test_the_dashboard_shows_what_was_filed_answered_acknowledged_and_postponed(resources):
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    widgets = {each["properties"].get("title"): str(each) for each in json.loads(body(dashboard))["widgets"]}
    for metric in ("Filed", "Postponed"):
        assert f"'{metric}'" in widgets["What became of messages"]
    for metric in ("Acknowledgements", "Replies"):
        assert f"'{metric}'" in widgets["What was sent"]
    for metric in METRICS - {"OldestUnfiledSeconds", "OldestUncopiedSeconds"}:
        assert f"'{metric}'" in widgets["Needs a person"]


def test_a_helpdesk_that_takes_nothing_for_long_raises_an_alarm_and_the_dashboard_shows_which(template, resources):
    alarm = resources("AWS::CloudWatch::Alarm")["UnfiledAlarm"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("OldestUnfiledSeconds", "Maximum")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", {"Ref": "UnfiledAlarmSeconds"})
    assert template["Parameters"]["UnfiledAlarmSeconds"]["Default"] == 1800
    mirror = resources("AWS::CloudWatch::Alarm")["MirrorAlarm"]
    assert (mirror["MetricName"], mirror["Threshold"]) == ("OldestUncopiedSeconds", {"Ref": "UnfiledAlarmSeconds"})
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    (waiting,) = [each for each in json.loads(body(dashboard))["widgets"] if "waits" in str(each)]
    assert "{Deskwire,stack,stage,helpdesk}" in str(waiting)
    assert "OldestUnfiledSeconds" in str(waiting)
    assert "OldestUncopiedSeconds" in str(waiting)


def body(dashboard):
    return dashboard["DashboardBody"]["Fn::Sub"]


def test_sams_cache_is_off_and_each_stack_reads_its_own_secrets():
    """The cache knows neither DESKWIRE_ARCHITECTURE nor the Makefile, and would give an old build."""
    environments = tomllib.loads((ROOT / "samconfig.toml").read_text())
    environments.pop("version")
    assert {name: each["build"]["parameters"]["cached"] for name, each in environments.items()} == {
        "default": False,
        "staging": False,
    }
    assert "SecretsPrefix=deskwire-staging/" in environments["staging"]["deploy"]["parameters"]["parameter_overrides"]
