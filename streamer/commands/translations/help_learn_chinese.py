"""`streamer learn` 的帮助，简体中文。"""

from __future__ import annotations

from typing import Final

LEARN: Final = {
    "learn": """预测模型，以及每周的预测效果。

示例：  streamer learn status
""",
    "learn status": """显示每条通道使用的预测版本，以及最近一周的预测效果。

示例：  streamer learn status
""",
    "learn history": """显示最近 52 周每周的预测效果（用该周数据训练之前），最新的排在最后。

示例：  streamer learn history --json
""",
    "learn show": """显示预测的一个版本：训练时间和权重。

示例：  streamer learn show 0
""",
    "learn challenge": """用所有模型都没有见过的日期，比较现行预测与其他模型。

参数只用更早的数据搜索，不使用最近 90 天。挑战模型只有在相隔四周的两次检验中，对数损失都显著低于现行模型，
才会成为提案。依赖 scikit-learn（可选依赖 `evaluate`）。

示例：  streamer learn challenge --data online_retail.csv.gz --models logistic-l1,forest --html challenge.html
""",
    "learn approve": """用提案中的挑战模型取代现行预测；模型管理进程会在此基础上继续训练。

示例：  streamer learn approve proposal.json
""",
}
