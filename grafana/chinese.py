"""The Chinese texts of the boards: titles, descriptions, legends and labels, by their English text."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_SHOP: Final = {
    "Shop": "店铺",
    "Who the customers are, where they move, and why.": "有哪些客户、流向哪里、为什么。",
    "Segmentation": "分群体系",
    "Customers": "客户数",
    "Customers known to the service.": "服务中的全部客户。",
    "customers": "客户",
    "Orders": "订单数",
    "Orders completed within the time shown.": "所选时间内完成的订单。",
    "orders": "订单",
    "Net revenue": "净收入",
    "Orders less refunds and cancellations, from the first event on, in the shop's currency.": (
        "自第一个事件起，订单金额减去退款和取消，按店铺货币计算。"
    ),
    "Moves": "变动次数",
    "Changes of the chosen segmentation within the time shown, first segments included.": (
        "所选时间内该分群体系的变动次数，含首次归入分群。"
    ),
    "moves": "变动",
    "Customers by segment": "各分群的客户数",
    "How many customers are in each segment of the chosen segmentation.": "所选分群体系下，每个分群的客户数。",
    "Shares now": "当前占比",
    "The share of customers in each segment at this moment.": "每个分群当前的客户占比。",
    "Who moved where": "客户流向",
    "Moves from segment to segment within the time shown, the most frequent first; none stands for no segment.": (
        "所选时间内分群之间的变动，按次数从多到少排列；none 表示无分群。"
    ),
    "Moves by cause": "变动起因",
    "What made customers move: an event, time that passed, a late event, an import (backfill), a new model.": (
        "客户变动的起因：事件、时间推移、迟到事件、历史导入、模型更新。"
    ),
    "Into each segment": "进入各分群",
    "Customers who entered a segment, an hour.": "每小时进入各分群的客户数。",
    "Out of each segment": "离开各分群",
    "Customers who left a segment, an hour; none are those who had no segment before.": (
        "每小时离开各分群的客户数；none 表示此前无分群。"
    ),
    "Revenue of the last hour": "最近一小时的收入",
    "Orders less refunds and cancellations booked within the hour before, in the shop's currency.": (
        "最近一小时入账的订单金额减去退款和取消，按店铺货币计算。"
    ),
    "Orders and reversals": "订单与冲销",
    "Completed orders, and refunds and cancellations, a minute.": "每分钟完成的订单数，以及退款和取消数。",
    "reversals": "冲销",
}
_SEGMENTS: Final = {
    "Segments": "分群",
    "How large segments are, who comes and goes, and whether they hold still.": "分群规模、进出情况和稳定性。",
    "Customers in any segment of the chosen segmentation.": "所选分群体系下已归入分群的客户。",
    "Segments with at least one customer.": "至少有一位客户的分群。",
    "segments": "分群",
    "Changes of segment within the time shown, first segments included.": "所选时间内的变动次数，含首次归入分群。",
    "Moves by time": "因时间变动",
    "The share of moves that time alone made within the time shown: customers who fell silent.": (
        "所选时间内，由时间推移引起的变动占比，即客户沉默。"
    ),
    "by time": "因时间",
    "Share of each segment": "各分群占比",
    "The share of customers in each segment over time.": "各分群客户占比的变化趋势。",
    "Gained and lost": "增减",
    "By how many customers each segment grew or shrank within the time shown.": "所选时间内各分群客户数的增减。",
    "Came in": "进入",
    "Customers who entered each segment within the time shown, most first.": "所选时间内进入各分群的客户数，从多到少排列。",
    "Went out": "离开",
    "Customers who left each segment within the time shown, most first; none had no segment before.": (
        "所选时间内离开各分群的客户数，从多到少排列；none 表示此前无分群。"
    ),
    "Causes": "起因",
    "What made customers move within the time shown. Events and time are safe for automation; imports (backfill), "
    "new models (refit) and new definitions are not.": (
        "所选时间内变动的起因。事件和时间引起的变动可以触发自动营销，历史导入、模型更新和定义修改引起的不可以。"
    ),
    "Turnover": "变动率",
    "Changes a day for every hundred customers. A steady line is a shop whose segments hold still.": (
        "每百位客户每天的变动次数。曲线平稳，说明分群稳定。"
    ),
    "changes a day, of 100 customers": "每百位客户每天的变动次数",
    "Undone moves of clusters": "聚类的反复变动",
    "The share of moves between behaviour clusters that were undone within 30 days, among the panel of the model "
    "owner.": "样本客户在行为聚类之间的变动，有多大比例在 30 天内又变回原分群。",
    "undone": "反复变动",
}
_MODEL: Final = {
    "Model": "模型",
    "The behaviour clusters, their versions, and how far the shop has drifted from them.": (
        "行为聚类、聚类版本，以及店铺数据的漂移程度。"
    ),
    "Version": "版本",
    "The latest published version of the clusters; 0 before the first.": "聚类的最新发布版本；首次发布前为 0。",
    "version": "版本",
    "Age": "版本时长",
    "How long ago the customers looked like those that the latest version was learned from.": (
        "最新版本的训练数据距今多久。"
    ),
    "age": "版本时长",
    "Customers looked at": "样本客户",
    "Customers in the panel that the model owner learns from.": "模型管理进程训练所用的样本客户。",
    "Proposals": "提案",
    "1 while a proposal waits for your answer: `streamer models list`.": (
        "有提案等待批准时为 1，用 `streamer models list` 查看。"
    ),
    "waiting": "等待中",
    "Customers by cluster": "各聚类的客户数",
    "How many customers are in each behaviour cluster.": "每个行为聚类的客户数。",
    "Weekly looks": "每周检查",
    "What the model owner decided within the time shown: kept the version, moved its centres, proposed or published "
    "another.": "所选时间内模型管理进程的决定：保留现有版本、更新中心、提出提案或发布新版本。",
    "Distance": "距离",
    "Mean distance of customers to the centre of their cluster, and over that to the next one (0 is best).": (
        "客户到所属聚类中心的平均距离，以及该距离与到次近中心距离之比（0 为最佳）。"
    ),
    "to the own centre": "到所属中心",
    "own over next": "所属中心与次近中心之比",
    "Drift of shares": "占比漂移",
    "Population stability index of the clusters' shares since the version was made; .1 is a lot, .25 is another shop.": (
        "自版本生成以来，聚类占比的群体稳定性指数（PSI）；0.1 表示漂移明显，0.25 表示店铺客群已完全不同。"
    ),
    "shares": "占比",
    "Drift of features": "特征漂移",
    "Population stability index of each feature since the version was made; .1 is a lot.": (
        "自版本生成以来，各特征的群体稳定性指数（PSI）；0.1 表示漂移明显。"
    ),
    "Shift of centres": "中心偏移",
    "How far each cluster has moved since it was published, over the gap to its nearest neighbour.": (
        "各聚类中心自发布以来的移动距离，与到最近聚类的距离之比。"
    ),
    "Drift alarms": "漂移告警",
    "Weekly checks that raised an alarm within the time shown, by detector and feature.": (
        "所选时间内触发告警的每周检查，按检测器和特征统计。"
    ),
    "Versions in force": "生效版本",
    "The version that each worker's lanes decide by, with its frame and the number of clusters.": (
        "各 worker 的通道使用的版本，及其特征空间和聚类数。"
    ),
    "version {{version}}, {{frame}}, {{k}} clusters": "版本 {{version}}，{{frame}}，{{k}} 个聚类",
}
_PREDICTIONS: Final = {
    "Predictions": "预测",
    "Which version of the predictions is in force, and how well each week was foreseen before it was learned.": (
        "现行的预测版本，以及每周数据用于训练之前的预测准确度。"
    ),
    "The latest published version; 0 before the first, while the one that comes with the program is in force.": (
        "最新发布版本；首次发布前为 0，此时使用内置版本。"
    ),
    "Fallback": "回退",
    "1 while a table of 25 cells stands in for what was learned, because it foresees weeks better.": (
        "25 格 RF 表比模型更准，已用它代替模型时为 1。"
    ),
    "fallback": "回退",
    "Customers asked": "参与预测的客户",
    "Customers in the question about the last week.": "上一周参与预测的客户数。",
    "asked": "参与预测",
    "Revised answers": "修正的结果",
    "Answers that records which came later would have changed, of those looked at again four weeks on.": (
        "四周后复查的预测结果中，因迟到记录而改变的比例。"
    ),
    "revised": "修正",
    "Skill": "技巧评分",
    "1 less the log loss over that of 25 cells of recency and frequency; below 0 the cells foresaw the week better.": (
        "1 减去模型与 25 格 RF 表（按最近购买和频率划分）的对数损失之比；低于 0 表示 25 格 RF 表更准。"
    ),
    "skill": "技巧评分",
    "Calibration": "校准",
    "Customers who were expected to order in the week over those who did; 1 is best. The lower line is 1 after "
    "River's PageHinkley detected a change.": (
        "当周预计下单与实际下单的客户数之比，1 为最佳。River 的 PageHinkley 检测到变化后，下方曲线变为 1。"
    ),
    "changed in the last four weeks": "近四周有变化",
    "AUC of all so far": "累计 AUC",
    "log loss of all so far": "累计对数损失",
    "Brier of all so far": "累计 Brier",
    "expected over ordered": "预计与实际之比",
    "Base rate": "基准率",
    "The share of the customers who ordered in the week, and the share who were expected to.": (
        "当周实际下单和预计下单的客户比例。"
    ),
    "ordered": "下单",
    "expected": "预计",
    "Rank": "排序",
    "How often who ordered had a higher chance than who did not (AUC); 0.5 is a guess.": (
        "下单客户的预测概率高于未下单客户的比例（AUC）；0.5 相当于随机猜测。"
    ),
    "AUC": "AUC",
    "Loss": "损失",
    "Mean negative log-likelihood and mean squared error (Brier) of the chances; lower is better.": (
        "预测概率的平均负对数似然和均方误差（Brier），越低越好。"
    ),
    "log loss": "对数损失",
    "Brier": "Brier",
    "Versions published": "发布的版本",
    "The latest version over time: a step is a version whose predictions say something else than those before.": (
        "最新版本的变化，每个台阶代表一个新的预测版本。"
    ),
}
_QUALITY: Final = {
    "Quality": "数据质量",
    "What is wrong with the events that arrive, and what became of it.": "收到的事件有哪些问题，以及处理结果。",
    "Rejected": "拒收",
    "The share of records that became dead letters within the time shown.": "所选时间内进入死信的记录占比。",
    "rejected": "拒收",
    "Repeats": "重复",
    "The share of records that were dropped because they had been applied before.": "因重复而丢弃的记录占比。",
    "repeats": "重复",
    "Late": "迟到",
    "The share of records that were older than the latest of their customer.": "早于客户最新记录的记录占比。",
    "late": "迟到",
    "Rerouted": "已转发",
    "The share of records that their producer put into another lane than their key says.": (
        "写错分区、由服务转发的记录占比。"
    ),
    "Rejected by reason": "各原因拒收数",
    "Dead letters an hour: `streamer deadletters list` shows them.": (
        "每小时的死信数，用 `streamer deadletters list` 查看。"
    ),
    "Reasons": "原因",
    "Dead letters within the time shown, by reason, most first.": "所选时间内各原因的死信数，从多到少排列。",
    "Fields left out": "忽略的字段",
    "Fields of applied events that were left out or taken for granted since they broke the contract, an hour.": (
        "有效事件中，因不符合规范而被忽略或取默认值的字段数，每小时。"
    ),
    "Events by type": "各类型事件",
    "Valid events by type, an hour: a type that stops is a broken producer.": (
        "每小时各类型的有效事件数。某个类型中断，说明生产者有故障。"
    ),
    "Clock": "时钟",
    "How far the clock of each worker's machine is from the broker's; positive if ahead.": (
        "各 worker 所在机器与 broker 的时钟差；正值表示偏快。"
    ),
    "Control records": "控制记录",
    "Merges, imports, definitions and models taken within the time shown.": (
        "所选时间内处理的合并、导入、分群定义和模型。"
    ),
}
_PIPELINE: Final = {
    "Pipeline": "处理管道",
    "How records go through the service: how many, how fast, and what goes wrong.": (
        "记录的处理情况：数量、速度和错误。"
    ),
    "Records a second": "每秒记录数",
    "Records decided, over all lanes.": "所有通道每秒处理的记录数。",
    "records": "记录",
    "Waiting": "等待中",
    "Records appended and not yet decided.": "已写入、尚未处理的记录。",
    "Unaccounted": "去向不明",
    "Consumed records that are neither applied, repeats, dead letters, rerouted nor control records; always 0.": (
        "已消费，但不属于有效、重复、死信、已转发和控制记录的记录；应始终为 0。"
    ),
    "Lanes without owner": "无 worker 的通道",
    "Lanes that no worker owns or that are being restored; their customers stand still.": (
        "没有 worker 负责或正在恢复的通道，其客户不会变动。"
    ),
    "lanes": "通道",
    "Processes": "进程",
    "Workers and model owners that answer.": "正常响应的 worker 和模型管理进程。",
    "processes": "进程",
    "Throughput": "吞吐量",
    "What became of the records, a second.": "每秒记录数，按处理结果统计。",
    "applied": "有效",
    "rerouted": "已转发",
    "dead letters": "死信",
    "control": "控制",
    "Well-formed events in their own lane, repeats included, a second.": "每秒写入正确通道且格式正确的事件数，含重复。",
    "Lag by lane": "各通道的积压",
    "Records appended to each lane and not yet decided.": "各通道已写入、尚未处理的记录。",
    "lane {{partition}}": "通道 {{partition}}",
    "Wait by lane": "各通道的等待时间",
    "Longest that a record now waiting in the lane can have waited.": "通道中待处理记录的最长等待时间。",
    "lane {{lane}}": "通道 {{lane}}",
    "Event to change": "从事件到变动",
    "From when an event occurred to when the change it caused was committed; changes by imports are left out.": (
        "从事件发生到变动提交的时间，不含导入引起的变动。"
    ),
    "median": "中位数",
    "95 %": "95 %",
    "99 %": "99 %",
    "Append to commit": "从写入到提交",
    "From when Kafka took a record to when its effects were committed.": "从 Kafka 收到记录到处理结果提交的时间。",
    "Stages": "阶段",
    "Mean time of each step of a transaction: decode and decide are CPU, load and view Redis, commit is Kafka.": (
        "事务各步骤的平均耗时：解码和判断消耗 CPU，读取和视图访问 Redis，提交访问 Kafka。"
    ),
    "Records in a transaction": "每个事务的记录数",
    "Mean number of records committed together; it grows by itself when more arrives.": (
        "每次提交的平均记录数，流量越大，批次自动越大。"
    ),
    "Transactions": "事务",
    "Transactions of lanes by how they ended, a second.": "每秒事务数，按结果统计。",
    "Dead letters by reason": "各原因死信数",
    "Records that cannot be applied, a minute.": "每分钟无法处理的记录数。",
    "Late events": "迟到事件",
    "Share of applied events that are older than what their customer had already seen.": (
        "有效事件中，早于客户已处理事件的占比。"
    ),
    "Restores": "恢复",
    "Lanes restored and customers read back from the changelog by each worker since it started.": (
        "各 worker 自启动以来恢复的通道数，以及从变更日志恢复的客户数。"
    ),
    "lanes, {{instance}}": "通道，{{instance}}",
    "customers, {{instance}}": "客户，{{instance}}",
    "Restore time": "恢复时间",
    "Mean duration of restoring a lane, by each worker since it started.": "各 worker 自启动以来恢复一条通道的平均耗时。",
    "Lanes by worker": "各 worker 的通道",
    "Lanes that each worker owns; steps are rebalances.": "各 worker 负责的通道数，台阶表示发生了再均衡。",
    "CPU": "CPU",
    "CPU time each process takes, as a share of one core.": "各进程的 CPU 使用率，一个核为 100 %。",
    "Memory": "内存",
    "Memory that each process holds.": "各进程占用的内存。",
}
_PLAYS: Final = {
    "Plays": "营销计划",
    "What messages plays send, whom their gates stop, and whether they help.": (
        "营销计划发送了哪些消息、拦截了哪些、是否有效。"
    ),
    "Plays running": "运行中的营销计划",
    "Plays that send.": "正在运行的营销计划数。",
    "running": "运行中",
    "Sent": "已发送",
    "Messages sent within the time shown.": "所选时间内发送的消息数。",
    "sent": "已发送",
    "Messages that wait or are under way.": "等待中或正在发送的消息数。",
    "Paused plays": "已暂停的营销计划",
    "Plays that wait for a person.": "等待人工处理的营销计划数。",
    "paused": "已暂停",
    "Doubtful": "结果未知",
    "Messages that may or may not have been sent, and wait for a person.": "发送结果未知、等待人工处理的消息。",
    "doubtful": "结果未知",
    "Planned messages that no counter explains: always 0.": "已生成、但去向不明的消息；应始终为 0。",
    "unaccounted": "去向不明",
    "What became of messages": "消息的去向",
    "All messages since each play was started first: planned, sent, withheld (held out), failed, doubtful.": (
        "自各营销计划首次启动以来的消息：已生成、已发送、对照组、失败、结果未知。"
    ),
    "Whom gates stopped": "被检查拦截",
    "Messages that a gate did not let pass, since each play was started first.": (
        "自各营销计划首次启动以来，被检查拦截的消息。"
    ),
    "Uplift": "提升",
    "How many more of those who got it buy, as a share, with both bounds of the interval of the report: above zero "
    "it helps. Before the date that a play names the interval may be looked at every day.": (
        "发送组比对照组多购买的比例，以及置信区间的上下界；高于零即有效。在营销计划指定的日期之前，区间可以每天查看。"
    ),
    "Sends": "发送",
    "Messages sent a minute. Marketing pauses in each customer's quiet hours, and comes in their morning.": (
        "每分钟发送的消息数。营销消息在客户的免打扰时段暂停，等到当地早上再发。"
    ),
    "Unsubscribes and complaints per thousand": "每千条的退订和投诉",
    "Answers to a thousand messages sent; a play's stop_if pauses it where there are surely too many.": (
        "每发送一千条消息收到的退订和投诉数。明显过多时，stop_if 会暂停营销计划。"
    ),
    "Waiting messages": "等待中的消息",
    "Messages that wait for their time, the end of quiet hours, a budget, a rate, a yes, or an answer.": (
        "正在等待发送时间、免打扰时段结束、每日限额、频率限制、人工确认或响应的消息。"
    ),
    "Overdue": "超时",
    "How long the message that waits longest is past its time.": "等待最久的消息已超时多久。",
    "overdue": "超时",
    "Channels that do not answer": "无响应的渠道",
    "1 while a channel's breaker is open: its messages wait, and one call a minute tries.": (
        "渠道熔断时为 1：消息暂停发送，每分钟重试一次。"
    ),
    "Calls": "调用",
    "From the beginning of a call to its answer: 95 of a hundred are faster.": "从发起调用到收到响应的时间，第 95 百分位。",
    "Coupons left": "剩余优惠券",
    "Codes of each pool that nobody has.": "各券池中尚未发放的券码数。",
    "Budget left today": "今日剩余限额",
    "Messages that plays with a budget may still send on this day of the shop.": "设有每日限额的计划，当天还可发送的消息数。",
}
_FRAME: Final = {
    "Data source": "数据源",
    "Job": "任务",
    "Runbooks": "处置手册",
    "Boards": "看板",
    "Alerts": "告警",
    "Model versions": "模型版本",
    "model version {{version}} in force": "模型版本 {{version}} 生效",
    "Runbook": "处置手册",
    "from": "从",
    "to": "到",
}
CHINESE: Final = MappingProxyType(
    {**_SHOP, **_SEGMENTS, **_MODEL, **_PREDICTIONS, **_QUALITY, **_PIPELINE, **_PLAYS, **_FRAME}
)
