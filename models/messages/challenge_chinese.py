"""简体中文：`learn challenge` 和 `learn approve` 的文字。"""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    "challenge no sklearn": "没有安装 scikit-learn",
    "challenge no sklearn fix": "请运行：pip install 'segment-streamer[evaluate]'",
    "challenge no mlflow": "没有安装 MLflow",
    "challenge no mlflow fix": "请运行：pip install 'segment-streamer[mlflow]'",
    "challenge unknown": "没有挑战模型 {names}",
    "challenge unknown fix": "可选：{names}",
    "challenge too short": "只有 {days} 天的订单，不足以先搜索参数、再用之后的日子检验",
    "challenge too short fix": "大约需要 {days} 天；--horizon 更短则所需更少",
    "challenge no proposal": "{file} 不是适用于本程序特征的挑战模型提案",
    "challenge no proposal fix": "用 `streamer learn challenge --proposal FILE` 生成",
    "challenge title": "{days} 天内是否下单：{day} 询问 {customers} 位客户，其中 {share} 下了单",
    "challenge ranks": "模型|AUC|Brier|对数损失|提升度|增益一|增益二",
    "challenge border": "概率达到 {border} 即预期下单；搜索与拟合为 CPU 秒，每人打分为 CPU 微秒",
    "challenge costs": "模型|准确率|精确率|召回率|F1|搜索|拟合|us",
    "challenge search": "参数搜索未使用 {day} 及之后的任何数据",
    "challenge looks": "检验日为 {first} 和 {last}；增益 = 现行模型的对数损失减去挑战模型的（千分之一），两次检验各一；"
    "其他指标取自第二次检验，"
    "下方为 95 % 自助法区间",
    "challenge proposed": "提案：{name} 在两次检验中都确定优于现行模型，且通道可以计算；乘积特征：{features}",
    "challenge better, but not for lanes": "{name} 在两次检验中都确定优于现行模型，但通道无法计算",
    "challenge none": "没有挑战模型在两次检验中都确定优于现行模型，不提出提案",
    "challenge settings": "参数：{settings}",
    "challenge chose": "{name} 使用 {features}",
    "challenge important": "打乱某个特征后 {name} 的对数损失上升：{features}",
    "challenge hint": "加上 --proposal FILE 再运行一次，然后用 `streamer learn approve FILE` 使其生效",
    "challenge written": "已写入 {file}；`streamer learn approve {file}` 使其生效",
    "challenge registered": "{name}：MLflow 中的 {version}",
    "challenge sent": "已发送；模型管理进程运行后即处理（`streamer learn status`）",
    "challenge approved": "已发布为预测的版本 {version}，自下一个零点起生效",
    "challenge expected": "预期",
    "challenge came": "实际下单",
    "challenge gain chart": "相对现行模型的对数损失增益（第二次检验）",
    "challenge model": "模型",
    "challenge calibration": "按概率分为十组：预期与实际下单比例",
    "challenge tenth": "组",
    "challenge as table": "以表格显示",
}
