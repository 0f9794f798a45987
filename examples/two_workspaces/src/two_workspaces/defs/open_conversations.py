import dagster as dg
import pandas as pd

COLUMNS = {"columns": ["id", "state", "updated_at"]}


@dg.asset(
    ins={
        "ours": dg.AssetIn(
            "conversations", input_manager_key="intercom_io_manager", metadata=COLUMNS
        ),
        "european": dg.AssetIn(
            ["eu", "conversations"], input_manager_key="intercom_io_manager_eu", metadata=COLUMNS
        ),
    },
    automation_condition=dg.AutomationCondition.eager(),
    group_name="support",
    owners=["team:support"],
    kinds={"pandas"},
)
def open_conversations(ours: pd.DataFrame, european: pd.DataFrame) -> dg.Output[pd.DataFrame]:
    """How many conversations are open, snoozed and closed in each workspace."""
    both = pd.concat([ours.assign(workspace="ours"), european.assign(workspace="european")])
    counts = both.groupby(["workspace", "state"], as_index=False).agg(
        conversations=("id", "count"), newest=("updated_at", "max")
    )
    return dg.Output(counts, metadata={"counts": dg.MetadataValue.md(counts.to_string())})
