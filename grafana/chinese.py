"""The Chinese texts of the boards: titles, descriptions, legends and labels, by their English text."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_SHOP: Final = {
    "Shop": "店铺",
    "Who the customers are, where they move, and why.": "客户是谁、流向哪里、为什么。",
    "Segmentation": "分群方式",
    "Customers": "客户数",
    "Customers known to the service.": "服务已知的客户。",
    "customers": "客户",
    "Orders": "订单数",
    "Orders completed within the time shown.": "所选时间内完成的订单。",
    "orders": "订单",
    "Net revenue": "净收入",
    "Orders less refunds and cancellations, from the first event on, in the shop's currency.": (
        "自第一个事件起，订单减去退款和取消，以本店货币计。"
    ),
    "Moves": "变动次数",
    "Changes of the chosen segmentation within the time shown, first segments included.": (
        "所选时间内该分群方式的变动，含首次归入。"
    ),
    "moves": "变动",
    "Customers by segment": "各分群的客户数",
    "How many customers are in each segment of the chosen segmentation.": "所选分群方式下每个分群有多少客户。",
    "Shares now": "当前占比",
    "The share of customers in each segment at this moment.": "此刻每个分群占客户的比例。",
    "Who moved where": "客户流向",
    "Moves from segment to segment within the time shown, the most frequent first; none stands for no segment.": (
        "所选时间内分群之间的变动，多者在前；none 表示没有分群。"
    ),
    "Moves by cause": "变动原因",
    "What made customers move: an event, time that passed, a late event, an import (backfill), a new model.": (
        "是什么让客户变动：事件、时间推移、迟到事件、历史导入、新模型。"
    ),
    "Into each segment": "进入各分群",
    "Customers who entered a segment, an hour.": "每小时进入某分群的客户。",
    "Out of each segment": "离开各分群",
    "Customers who left a segment, an hour; none are those who had no segment before.": (
        "每小时离开某分群的客户；none 是此前没有分群的客户。"
    ),
    "Revenue of the last hour": "最近一小时的收入",
    "Orders less refunds and cancellations booked within the hour before, in the shop's currency.": (
        "此前一小时内入账的订单减去退款和取消，以本店货币计。"
    ),
    "Orders and reversals": "订单与冲销",
    "Completed orders, and refunds and cancellations, a minute.": "每分钟完成的订单，以及退款和取消。",
    "reversals": "冲销",
}
_SEGMENTS: Final = {
    "Segments": "分群",
    "How large segments are, who comes and goes, and whether they hold still.": "分群有多大、谁进谁出、是否稳定。",
    "Customers in any segment of the chosen segmentation.": "所选分群方式下有分群的客户。",
    "Segments with at least one customer.": "至少有一位客户的分群。",
    "segments": "分群",
    "Changes of segment within the time shown, first segments included.": "所选时间内的分群变动，含首次归入。",
    "Moves by time": "因时间而变动",
    "The share of moves that time alone made within the time shown: customers who fell silent.": (
        "所选时间内仅因时间推移而变动的比例：不再下单的客户。"
    ),
    "by time": "因时间",
    "Share of each segment": "各分群占比",
    "The share of customers in each segment over time.": "各分群占客户的比例随时间的变化。",
    "Gained and lost": "增减",
    "By how many customers each segment grew or shrank within the time shown.": "所选时间内每个分群增加或减少了多少客户。",
    "Came in": "进入",
    "Customers who entered each segment within the time shown, most first.": "所选时间内进入每个分群的客户，多者在前。",
    "Went out": "离开",
    "Customers who left each segment within the time shown, most first; none had no segment before.": (
        "所选时间内离开每个分群的客户，多者在前；none 表示此前没有分群。"
    ),
    "Causes": "原因",
    "What made customers move within the time shown. Events and time are safe for automation; imports (backfill), "
    "new models (refit) and new definitions are not.": (
        "所选时间内是什么让客户变动。事件和时间可以安全地触发自动化；历史导入、模型更新和定义修改则不可以。"
    ),
    "Turnover": "变动率",
    "Changes a day for every hundred customers. A steady line is a shop whose segments hold still.": (
        "每百位客户每天的变动次数。线条平稳，说明本店的分群稳定。"
    ),
    "changes a day, of 100 customers": "每百位客户每天的变动",
    "Undone moves of clusters": "聚类的来回变动",
    "The share of moves between behaviour clusters that were undone within 30 days, among the panel of the model "
    "owner.": "在模型所有者的样本中，行为聚类之间的变动有多大比例在 30 天内又变了回去。",
    "undone": "又变回",
}
_MODEL: Final = {
    "Model": "模型",
    "The behaviour clusters, their versions, and how far the shop has drifted from them.": (
        "行为聚类、它们的版本，以及店铺与之偏离了多远。"
    ),
    "Version": "版本",
    "The latest published version of the clusters; 0 before the first.": "聚类最新发布的版本；首次发布前为 0。",
    "version": "版本",
    "Age": "时效",
    "How long ago the customers looked like those that the latest version was learned from.": (
        "最新版本所依据的客户状态距今多久。"
    ),
    "age": "时效",
    "Customers looked at": "样本客户",
    "Customers in the panel that the model owner learns from.": "模型所有者用来学习的样本中的客户。",
    "Proposals": "提议",
    "1 while a proposal waits for your answer: `streamer models list`.": (
        "有提议等待您答复时为 1：`streamer models list`。"
    ),
    "waiting": "等待中",
    "Customers by cluster": "各聚类的客户数",
    "How many customers are in each behaviour cluster.": "每个行为聚类有多少客户。",
    "Weekly looks": "每周检查",
    "What the model owner decided within the time shown: kept the version, moved its centres, proposed or published "
    "another.": "所选时间内模型所有者的决定：保留版本、移动中心、提议或发布另一版本。",
    "Distance": "距离",
    "Mean distance of customers to the centre of their cluster, and over that to the next one (0 is best).": (
        "客户到本聚类中心的平均距离，以及它与到最近的另一中心的距离之比（0 为最佳）。"
    ),
    "to the own centre": "到本中心",
    "own over next": "本中心比邻中心",
    "Drift of shares": "占比漂移",
    "Population stability index of the clusters' shares since the version was made; .1 is a lot, .25 is another shop.": (
        "自该版本生成以来聚类占比的群体稳定性指数（PSI）；0.1 已经很大，0.25 相当于另一家店。"
    ),
    "shares": "占比",
    "Drift of features": "特征漂移",
    "Population stability index of each feature since the version was made; .1 is a lot.": (
        "自该版本生成以来每个特征的群体稳定性指数（PSI）；0.1 已经很大。"
    ),
    "Shift of centres": "中心偏移",
    "How far each cluster has moved since it was published, over the gap to its nearest neighbour.": (
        "每个聚类自发布以来移动了多远，与到最近邻聚类的距离之比。"
    ),
    "Drift alarms": "漂移警报",
    "Weekly checks that raised an alarm within the time shown, by detector and feature.": (
        "所选时间内发出警报的每周检查，按检测器和特征。"
    ),
    "Versions in force": "生效版本",
    "The version that each worker's lanes decide by, with its frame and the number of clusters.": (
        "每个 worker 的通道所依据的版本，及其框架和聚类数。"
    ),
    "version {{version}}, {{frame}}, {{k}} clusters": "版本 {{version}}，{{frame}}，{{k}} 个聚类",
}
_PREDICTIONS: Final = {
    "Predictions": "预测",
    "Which version of the predictions is in force, and how well each week was foreseen before it was learned.": (
        "哪个预测版本生效，以及每一周在学习之前预测得有多准。"
    ),
    "The latest published version; 0 before the first, while the one that comes with the program is in force.": (
        "最新发布的版本；首次发布前为 0，此时随程序附带的版本生效。"
    ),
    "Fallback": "后备",
    "1 while a table of 25 cells stands in for what was learned, because it foresees weeks better.": (
        "由 25 格的表代替学到的预测时为 1，因为它对各周预测得更准。"
    ),
    "fallback": "后备",
    "Customers asked": "提问的客户",
    "Customers in the question about the last week.": "上一周的提问所涉及的客户。",
    "asked": "提问",
    "Revised answers": "修正的答案",
    "Answers that records which came later would have changed, of those looked at again four weeks on.": (
        "四周后复查的答案中，后到的记录本会改变的比例。"
    ),
    "revised": "修正",
    "Skill": "技能分",
    "1 less the log loss over that of 25 cells of recency and frequency; below 0 the cells foresaw the week better.": (
        "1 减去对数损失与 25 格（近度和频度）之比；低于 0 时 25 格预测得更准。"
    ),
    "skill": "技能分",
    "Calibration": "校准",
    "Customers who were expected to order in the week over those who did; 1 is best. The lower line is 1 after "
    "River's PageHinkley detected a change.": (
        "预计当周下单的客户与实际下单的客户之比；1 为最佳。River 的 PageHinkley 检测到变化后，下方的线为 1。"
    ),
    "changed in the last four weeks": "近四周有变化",
    "AUC of all so far": "迄今全部的 AUC",
    "log loss of all so far": "迄今全部的对数损失",
    "Brier of all so far": "迄今全部的 Brier",
    "expected over ordered": "预计比实际",
    "Base rate": "基准率",
    "The share of the customers who ordered in the week, and the share who were expected to.": (
        "当周下单的客户比例，以及预计下单的比例。"
    ),
    "ordered": "下单",
    "expected": "预计",
    "Rank": "排序",
    "How often who ordered had a higher chance than who did not (AUC); 0.5 is a guess.": (
        "下单客户的概率高于未下单客户的比例（AUC）；0.5 等于瞎猜。"
    ),
    "AUC": "AUC",
    "Loss": "损失",
    "Mean negative log-likelihood and mean squared error (Brier) of the chances; lower is better.": (
        "概率的平均负对数似然和均方误差（Brier）；越低越好。"
    ),
    "log loss": "对数损失",
    "Brier": "Brier",
    "Versions published": "发布的版本",
    "The latest version over time: a step is a version whose predictions say something else than those before.": (
        "最新版本随时间的变化：每一级台阶是一个预测与之前不同的版本。"
    ),
}
_QUALITY: Final = {
    "Quality": "数据质量",
    "What is wrong with the events that arrive, and what became of it.": "到达的事件有什么问题，结果如何。",
    "Rejected": "拒收",
    "The share of records that became dead letters within the time shown.": "所选时间内成为死信的记录比例。",
    "rejected": "拒收",
    "Repeats": "重复",
    "The share of records that were dropped because they had been applied before.": "因已处理过而丢弃的记录比例。",
    "repeats": "重复",
    "Late": "迟到",
    "The share of records that were older than the latest of their customer.": "早于该客户最新记录的记录比例。",
    "late": "迟到",
    "Rerouted": "改道",
    "The share of records that their producer put into another lane than their key says.": (
        "生产者放入的通道与键不符的记录比例。"
    ),
    "Rejected by reason": "按原因拒收",
    "Dead letters an hour: `streamer deadletters list` shows them.": (
        "每小时的死信：用 `streamer deadletters list` 查看。"
    ),
    "Reasons": "原因",
    "Dead letters within the time shown, by reason, most first.": "所选时间内的死信，按原因，多者在前。",
    "Fields left out": "忽略的字段",
    "Fields of applied events that were left out or taken for granted since they broke the contract, an hour.": (
        "已处理事件中因不符合约定而被忽略或取默认值的字段，每小时。"
    ),
    "Events by type": "按类型的事件",
    "Valid events by type, an hour: a type that stops is a broken producer.": (
        "按类型的有效事件，每小时：某个类型停了，说明生产者出了故障。"
    ),
    "Clock": "时钟",
    "How far the clock of each worker's machine is from the broker's; positive if ahead.": (
        "每个 worker 所在机器的时钟与 broker 相差多少；快则为正。"
    ),
    "Control records": "控制记录",
    "Merges, imports, definitions and models taken within the time shown.": (
        "所选时间内处理的合并、导入、定义和模型。"
    ),
}
_PIPELINE: Final = {
    "Pipeline": "处理管道",
    "How records go through the service: how many, how fast, and what goes wrong.": (
        "记录如何流经服务：多少、多快、哪里出错。"
    ),
    "Records a second": "每秒记录数",
    "Records decided, over all lanes.": "所有通道处理完的记录。",
    "records": "记录",
    "Waiting": "等待中",
    "Records appended and not yet decided.": "已写入而尚未处理的记录。",
    "Unaccounted": "下落不明",
    "Consumed records that are neither applied, repeats, dead letters, rerouted nor control records; always 0.": (
        "既非已处理、重复、死信、改道，也非控制记录的已消费记录；总是 0。"
    ),
    "Lanes without owner": "无主通道",
    "Lanes that no worker owns or that are being restored; their customers stand still.": (
        "没有 worker 负责或正在恢复的通道；其客户不会变动。"
    ),
    "lanes": "通道",
    "Processes": "进程",
    "Workers and model owners that answer.": "有响应的 worker 和模型所有者。",
    "processes": "进程",
    "Throughput": "吞吐量",
    "What became of the records, a second.": "每秒记录的去向。",
    "applied": "已处理",
    "rerouted": "改道",
    "dead letters": "死信",
    "control": "控制",
    "Well-formed events in their own lane, repeats included, a second.": "各通道中格式正确的事件，含重复，每秒。",
    "Lag by lane": "各通道的积压",
    "Records appended to each lane and not yet decided.": "每个通道已写入而尚未处理的记录。",
    "lane {{partition}}": "通道 {{partition}}",
    "Wait by lane": "各通道的等待",
    "Longest that a record now waiting in the lane can have waited.": "通道中正在等待的记录最长可能已等了多久。",
    "lane {{lane}}": "通道 {{lane}}",
    "Event to change": "从事件到变动",
    "From when an event occurred to when the change it caused was committed; changes by imports are left out.": (
        "从事件发生到它引起的变动提交；不含导入引起的变动。"
    ),
    "median": "中位数",
    "95 %": "95 %",
    "99 %": "99 %",
    "Append to commit": "从写入到提交",
    "From when Kafka took a record to when its effects were committed.": "从 Kafka 收到记录到其结果提交。",
    "Stages": "阶段",
    "Mean time of each step of a transaction: decode and decide are CPU, load and view Redis, commit is Kafka.": (
        "事务每一步的平均时间：解码和判断是 CPU，读取和视图是 Redis，提交是 Kafka。"
    ),
    "Records in a transaction": "每个事务的记录数",
    "Mean number of records committed together; it grows by itself when more arrives.": (
        "一起提交的平均记录数；到达得越多，它会自行变大。"
    ),
    "Transactions": "事务",
    "Transactions of lanes by how they ended, a second.": "各通道的事务按结果，每秒。",
    "Dead letters by reason": "按原因的死信",
    "Records that cannot be applied, a minute.": "无法处理的记录，每分钟。",
    "Late events": "迟到事件",
    "Share of applied events that are older than what their customer had already seen.": (
        "已处理事件中早于该客户已知事件的比例。"
    ),
    "Restores": "恢复",
    "Lanes restored and customers read back from the changelog by each worker since it started.": (
        "每个 worker 自启动以来恢复的通道，以及从变更日志读回的客户。"
    ),
    "lanes, {{instance}}": "通道，{{instance}}",
    "customers, {{instance}}": "客户，{{instance}}",
    "Restore time": "恢复时间",
    "Mean duration of restoring a lane, by each worker since it started.": "每个 worker 自启动以来恢复一个通道的平均时长。",
    "Lanes by worker": "各 worker 的通道",
    "Lanes that each worker owns; steps are rebalances.": "每个 worker 负责的通道；台阶是再平衡。",
    "CPU": "CPU",
    "CPU time each process takes, as a share of one core.": "每个进程占用的 CPU 时间，以一个核心为 100 %。",
    "Memory": "内存",
    "Memory that each process holds.": "每个进程占用的内存。",
}
_PLAYS: Final = {
    "Plays": "营销计划",
    "What messages plays send, whom their gates stop, and whether they help.": (
        "营销计划发送什么消息、关卡拦下了谁、是否有效。"
    ),
    "Plays running": "运行中的营销计划",
    "Plays that send.": "正在发送的营销计划。",
    "running": "运行中",
    "Sent": "已发送",
    "Messages sent within the time shown.": "所选时间内发送的消息。",
    "sent": "已发送",
    "Messages that wait or are under way.": "等待中或正在发送的消息。",
    "Paused plays": "已暂停的营销计划",
    "Plays that wait for a person.": "等待人工处理的营销计划。",
    "paused": "已暂停",
    "Doubtful": "存疑",
    "Messages that may or may not have been sent, and wait for a person.": "不确定是否已发送、等待人工处理的消息。",
    "doubtful": "存疑",
    "Planned messages that no counter explains: always 0.": "没有计数能说明下落的已计划消息：总是 0。",
    "unaccounted": "下落不明",
    "What became of messages": "消息的去向",
    "All messages since each play was started first: planned, sent, withheld (held out), failed, doubtful.": (
        "自每个营销计划首次启动以来的所有消息：已计划、已发送、对照组、失败、存疑。"
    ),
    "Whom gates stopped": "被关卡拦下",
    "Messages that a gate did not let pass, since each play was started first.": (
        "自每个营销计划首次启动以来未通过关卡的消息。"
    ),
    "Uplift": "提升",
    "How many more of those who got it buy, as a share, with both bounds of the interval of the report: above zero "
    "it helps. Before the date that a play names the interval may be looked at every day.": (
        "收到消息的客户多买的比例，以及报告中区间的上下界：高于零即有效。在营销计划所定日期之前，每天都可以查看该区间。"
    ),
    "Sends": "发送",
    "Messages sent a minute. Marketing pauses in each customer's quiet hours, and comes in their morning.": (
        "每分钟发送的消息。营销消息在客户的免打扰时段暂停，到当地早上再发。"
    ),
    "Unsubscribes and complaints per thousand": "每千条的退订和投诉",
    "Answers to a thousand messages sent; a play's stop_if pauses it where there are surely too many.": (
        "每发送一千条消息收到的退订和投诉；确实过多时，营销计划的 stop_if 会使其暂停。"
    ),
    "Waiting messages": "等待中的消息",
    "Messages that wait for their time, the end of quiet hours, a budget, a rate, a yes, or an answer.": (
        "等待时间、免打扰时段结束、预算、速率、批准或答复的消息。"
    ),
    "Overdue": "逾期",
    "How long the message that waits longest is past its time.": "等待最久的消息已逾期多久。",
    "overdue": "逾期",
    "Channels that do not answer": "无响应的渠道",
    "1 while a channel's breaker is open: its messages wait, and one call a minute tries.": (
        "渠道熔断时为 1：其消息等待，每分钟试一次。"
    ),
    "Calls": "调用",
    "From the beginning of a call to its answer: 95 of a hundred are faster.": "从发起调用到收到答复：95 % 的调用更快。",
    "Coupons left": "剩余优惠券",
    "Codes of each pool that nobody has.": "每个券池中无人领取的券码。",
    "Budget left today": "今日剩余预算",
    "Messages that plays with a budget may still send on this day of the shop.": "有预算的营销计划在店铺当日还可发送的消息。",
}
_FRAME: Final = {
    "Data source": "数据源",
    "Job": "任务",
    "Runbooks": "处理手册",
    "Boards": "看板",
    "Alerts": "告警",
    "Model versions": "模型版本",
    "model version {{version}} in force": "模型版本 {{version}} 生效",
    "Runbook": "处理手册",
    "from": "从",
    "to": "到",
}
CHINESE: Final = MappingProxyType(
    {**_SHOP, **_SEGMENTS, **_MODEL, **_PREDICTIONS, **_QUALITY, **_PIPELINE, **_PLAYS, **_FRAME}
)
