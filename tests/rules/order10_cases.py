"""What Order 10 says, clause by clause, stated by hand and apart from the predicates that ship.

`major` lists facts that make the clause hold; each of `spared` is a change to them after which it does not hold; each of
`still` a change after which it still does. Every fact of the clause stands in `major`.
"""

from typing import Any, NamedTuple

Y, N = True, False
Facts = dict[str, Any]


class Case(NamedTuple):
    major: Facts
    spared: list[Facts]
    still: list[Facts] = []  # noqa: RUF012  read only


DUST = {"dust_explosion_risk": Y}
COLD = {"ammonia_refrigeration": Y, "in_scope": Y}
SEAL = {
    "in_scope": Y,
    "seal_pressure": 29.9,
    "shared_across_isolation": N,
    "upper_drain_connected": N,
    "shared_different_media": N,
}
SEAL_CASE = Case(
    SEAL,
    [{"seal_pressure": 30}, {"in_scope": N}],
    [
        {"seal_pressure": 30, name: Y}
        for name in ("shared_across_isolation", "upper_drain_connected", "shared_different_media")
    ],
)
GAS_TRAIN = {"premixed": Y, "hot_producer_gas": N, "main_pressure_alarm": N, "interlock_esd": Y}
PAINT = Case(
    {"paint_is_waterborne": N, "fixed_lel_alarm": N, "ventilation": Y},
    [{"paint_is_waterborne": Y}, {"fixed_lel_alarm": Y}],
    [{"fixed_lel_alarm": Y, "ventilation": N}],
)

CASES: dict[str, Case] = {
    "3-1": Case(
        {"has_contractor_or_tenant": Y, "unified_coordination_done": N, "periodic_inspection_done": Y},
        [{"has_contractor_or_tenant": N}, {"unified_coordination_done": Y}],
        [{"unified_coordination_done": Y, "periodic_inspection_done": N}],
    ),
    "3-2": Case(
        {"worker_on_duty": Y, "is_special_operation": Y, "certificate_valid": N},
        [{"worker_on_duty": N}, {"is_special_operation": N}, {"certificate_valid": Y}],
    ),
    "3-3": Case(
        {"is_metal_smelting": Y, "principal_exam_passed": N, "safety_manager_exam_passed": Y},
        [{"is_metal_smelting": N}, {"principal_exam_passed": Y}],
        [{"principal_exam_passed": Y, "safety_manager_exam_passed": N}],
    ),
    "4-1": Case(
        {"gathering_place_type": "操作室", "ladle_repair_station": N, "in_molten_crane_bay_floor": Y},
        [{"in_molten_crane_bay_floor": N}, {"gathering_place_type": "其他"}],
        [{"gathering_place_type": "其他", "ladle_repair_station": Y}, {"gathering_place_type": "会议室"}],
    ),
    "4-2": Case(
        {"in_scope": Y, "production_running": Y, "area_type": "炉前平台", "in_splash_impact_range": Y, "standing_water": Y},
        [{"production_running": N}, {"in_splash_impact_range": N}, {"standing_water": N}, {"area_type": "其他"}, {"in_scope": N}],
        [{"area_type": "事故坑", "in_splash_impact_range": N}, {"area_type": "炉下渣坑", "in_splash_impact_range": N}],
    ),
    "4-3": Case(
        {
            "in_scope": Y, "process": "连铸", "emergency_ladle": Y, "tundish_leak_pit": Y, "tundish_overflow_pit": Y,
            "swivel_chute": N, "mould_emergency_ladle_or_pit": N,
        },
        [{"swivel_chute": Y}, {"in_scope": N}, {"process": "模铸", "mould_emergency_ladle_or_pit": Y}],
        [{"process": "模铸"}, {"swivel_chute": Y, "emergency_ladle": N}, {"swivel_chute": Y, "tundish_leak_pit": N},
         {"swivel_chute": Y, "tundish_overflow_pit": N}],
    ),
    "4-4": Case(
        {"in_scope": Y, "furnace_type": "转炉", "outlet_temp_alarm": N, "flow_diff_alarm": Y, "interlock_ok": Y},
        [{"outlet_temp_alarm": Y}, {"in_scope": N}],
        [{"outlet_temp_alarm": Y, "flow_diff_alarm": N}, {"outlet_temp_alarm": Y, "interlock_ok": N}],
    ),
    "4-5": Case(
        {
            "in_scope": Y, "top_pressure_setpoint": 260, "design_max_working_pressure": 250,
            "pressure_interlock_bleeder": Y, "bleeder_setpoint": 300, "equipment_design_pressure": 300,
        },
        [{"top_pressure_setpoint": 250}, {"in_scope": N}],
        [{"top_pressure_setpoint": 250, "pressure_interlock_bleeder": N}, {"top_pressure_setpoint": 250, "bleeder_setpoint": 301}],
    ),
    "4-6": Case(
        {
            "near_gas_facility": Y, "gathering_place_type": "休息室", "gas_leak_accumulation_point": N,
            "fixed_co_alarm": N, "data_to_24h_manned": Y,
        },
        [{"near_gas_facility": N}, {"gathering_place_type": "其他"}, {"fixed_co_alarm": Y}],
        [{"fixed_co_alarm": Y, "data_to_24h_manned": N}, {"near_gas_facility": N, "gas_leak_accumulation_point": Y}],
    ),
    "4-7": Case({"in_scope": Y, "facility": "煤气柜", "isolation_device": N}, [{"isolation_device": Y}, {"in_scope": N}]),
    "4-8": SEAL_CASE,
    "5-1": Case(
        {"gathering_place_type": "更衣室", "in_molten_crane_bay_floor": Y},
        [{"gathering_place_type": "其他"}, {"in_molten_crane_bay_floor": N}],
    ),
    "5-2": Case(
        {"in_scope": Y, "production_running": Y, "area_type": "吊运通道", "in_splash_impact_range": Y, "non_process_water": Y},
        [
            {"production_running": N}, {"in_splash_impact_range": N}, {"non_process_water": N}, {"area_type": "其他"},
            {"in_scope": N},
        ],
        [{"area_type": "事故坑", "in_splash_impact_range": N}],
    ),
    "5-3": Case(
        {"in_scope": Y, "furnace_type": "其他", "emergency_discharge_storage": N},
        [{"furnace_type": "倾动式熔炼"}, {"furnace_type": "带保温炉固定式"}, {"emergency_discharge_storage": Y}, {"in_scope": N}],
    ),
    "5-4": Case(
        {"water_cooled": Y, "is_dc_cast_mould": N, "emergency_water": N},
        [{"water_cooled": N}, {"is_dc_cast_mould": Y}, {"emergency_water": Y}],
    ),
    "5-5": Case(
        {
            "in_scope": Y, "circuit": "闭路", "outlet_temp_alarm": N, "flow_diff_alarm": Y, "inlet_flow_alarm": Y,
            "inlet_pressure_alarm": Y, "outlet_temp_monitored": Y,
        },
        [{"outlet_temp_alarm": Y}, {"circuit": "开路"}, {"in_scope": N}],
        [{"outlet_temp_alarm": Y, "flow_diff_alarm": N}, *({"circuit": "开路", name: N} for name in
         ("inlet_flow_alarm", "inlet_pressure_alarm", "outlet_temp_monitored"))],
    ),
    "5-6": Case(
        {
            "in_scope": Y, "inlet_pressure_alarm": N, "inlet_flow_alarm": Y, "interlock_cutoff": Y, "tilting_furnace": Y,
            "interlock_tilt": Y,
        },
        [{"inlet_pressure_alarm": Y}, {"inlet_pressure_alarm": Y, "tilting_furnace": N, "interlock_tilt": N}, {"in_scope": N}],
        [{"inlet_pressure_alarm": Y, name: N} for name in ("inlet_flow_alarm", "interlock_cutoff", "interlock_tilt")],
    ),
    "5-7": Case(
        {"in_scope": Y, "level_alarm_outlet": Y, "level_alarm_mold_inlet": N, "fixed_furnace": N, "mechanical_lock": N},
        [{"level_alarm_mold_inlet": Y}, {"in_scope": N}],
        [{"level_alarm_mold_inlet": Y, "fixed_furnace": Y}, {"level_alarm_mold_inlet": Y, "level_alarm_outlet": N}],
    ),
    "5-8": Case(
        {"in_scope": Y, "emergency_drain_valve": N, "quick_cutoff": Y, "level_interlock": Y},
        [{"emergency_drain_valve": Y}, {"in_scope": N}],
        [{"emergency_drain_valve": Y, "quick_cutoff": N}, {"emergency_drain_valve": Y, "level_interlock": N}],
    ),
    "5-9": Case(
        {"in_scope": Y, "quick_cutoff": N, "level_interlock_tilt": Y},
        [{"quick_cutoff": Y}, {"in_scope": N}],
        [{"quick_cutoff": Y, "level_interlock_tilt": N}],
    ),
    "5-10": Case(
        {"in_scope": Y, "steel_core_rope": N, "rope_check_replace_done": Y},
        [{"steel_core_rope": Y}, {"in_scope": N}],
        [{"steel_core_rope": Y, "rope_check_replace_done": N}],
    ),
    "5-11": Case(
        {"in_scope": Y, "gas": "AsH3", "fixed_gas_alarm": N, "data_to_24h_manned": Y, "ash3_equivalent_detection": N},
        [{"fixed_gas_alarm": Y}, {"ash3_equivalent_detection": Y}, {"in_scope": N}],
        [{"gas": "Cl2", "ash3_equivalent_detection": Y}, {"fixed_gas_alarm": Y, "data_to_24h_manned": N}],
    ),
    "5-12": Case(
        {"gas_fuel": Y, "forced_draft": Y, "main_pressure_alarm": N, "interlock_esd": Y},
        [{"gas_fuel": N}, {"forced_draft": N}, {"main_pressure_alarm": Y}],
        [{"main_pressure_alarm": Y, "interlock_esd": N}],
    ),
    "5-13": SEAL_CASE,
    "6-1": Case(
        {"in_scope": Y, "temp_alarm": Y, "co_alarm": N, "gas_extinguishing": Y},
        [{"co_alarm": Y}, {"in_scope": N}],
        [{"co_alarm": Y, "temp_alarm": N}, {"co_alarm": Y, "gas_extinguishing": N}],
    ),
    "6-2": Case(
        {"manual_silo_cleaning": Y, "plan_measures_done": N}, [{"manual_silo_cleaning": N}, {"plan_measures_done": Y}]
    ),
    "6-3": Case(
        {"in_scope": Y, "fixed_lel_alarm": N, "interlock_ventilation": Y},
        [{"fixed_lel_alarm": Y}, {"in_scope": N}],
        [{"fixed_lel_alarm": Y, "interlock_ventilation": N}],
    ),
    "6-4": Case(
        {"entering": Y, "equipment_type": "磨机", "energy_isolated": N, "fall_collapse_measures": Y},
        [{"entering": N}, {"equipment_type": "其他"}, {"energy_isolated": Y}],
        [{"energy_isolated": Y, "fall_collapse_measures": N}, {"equipment_type": "筒型储库"}],
    ),
    "6-5": Case(
        GAS_TRAIN,
        [{"premixed": N}, {"hot_producer_gas": Y}, {"main_pressure_alarm": Y}],
        [{"main_pressure_alarm": Y, "interlock_esd": N}],
    ),
    "6-6": Case({"in_scope": Y, "place": "制氢站", "fixed_lel_alarm": N}, [{"fixed_lel_alarm": Y}, {"in_scope": N}]),
    "6-7": Case({"in_scope": Y, "water_cooling_failed": Y}, [{"water_cooling_failed": N}, {"in_scope": N}]),
    "6-8": Case({"in_scope": Y, "cooling_protection_alarm": N}, [{"cooling_protection_alarm": Y}, {"in_scope": N}]),
    "7-1": Case(
        {"gathering_place_type": "交接班室", "in_molten_or_pouring_bay": Y},
        [{"gathering_place_type": "其他"}, {"in_molten_or_pouring_bay": N}],
    ),
    "7-2": Case({"in_scope": Y, "emergency_discharge_storage": N}, [{"emergency_discharge_storage": Y}, {"in_scope": N}]),
    "7-3": Case(
        {"in_scope": Y, "production_running": Y, "area_type": "造型地坑", "in_splash_impact_range": Y, "standing_water": Y},
        [{"production_running": N}, {"in_splash_impact_range": N}, {"standing_water": N}, {"area_type": "其他"}, {"in_scope": N}],
        [{"area_type": name, "in_splash_impact_range": N} for name in ("炉底", "炉坑", "事故坑")],
    ),
    "7-4": Case(
        {"in_scope": Y, "outlet_temp_alarm": Y, "flow_diff_alarm": N, "interlock_ok": Y},
        [{"flow_diff_alarm": Y}, {"in_scope": N}],
        [{"flow_diff_alarm": Y, "outlet_temp_alarm": N}, {"flow_diff_alarm": Y, "interlock_ok": N}],
    ),
    "7-5": Case(
        {"gas_fuel": Y, "main_pressure_alarm": Y, "interlock_esd": Y, "flame_monitor": Y, "flameout_protection": N},
        [{"gas_fuel": N}, {"flameout_protection": Y}],
        [{"flameout_protection": Y, name: N} for name in ("main_pressure_alarm", "interlock_esd", "flame_monitor")],
    ),
    "7-6": Case(
        {"flammable_solvent_cleaning": Y, "confined_or_semi": Y, "anti_accumulation": N},
        [{"flammable_solvent_cleaning": N}, {"confined_or_semi": N}, {"anti_accumulation": Y}],
    ),
    "7-7": PAINT,
    "8-1": Case({"in_scope": Y, "overheat_cutoff": N}, [{"overheat_cutoff": Y}, {"in_scope": N}]),
    "8-2": Case(
        {"in_scope": Y, "fixed_ethanol_alarm": N, "interlock_ventilation": Y},
        [{"fixed_ethanol_alarm": Y}, {"in_scope": N}],
        [{"fixed_ethanol_alarm": Y, "interlock_ventilation": N}],
    ),
    "8-3": Case(
        {"in_scope": Y, "direct_heating_chlorine_cylinder": Y}, [{"direct_heating_chlorine_cylinder": N}, {"in_scope": N}]
    ),
    "8-4": Case(
        {"in_scope": Y, **GAS_TRAIN},
        [{"premixed": N}, {"hot_producer_gas": Y}, {"main_pressure_alarm": Y}, {"in_scope": N}],
        [{"main_pressure_alarm": Y, "interlock_esd": N}],
    ),
    "8-5": Case({"in_scope": Y, "cooling_protection_alarm": N}, [{"cooling_protection_alarm": Y}, {"in_scope": N}]),
    "8-6": PAINT,
    "8-7": Case(
        {"li_battery_warehouse": Y, "faulty_battery_isolated": N}, [{"li_battery_warehouse": N}, {"faulty_battery_isolated": Y}]
    ),
    "9-1": Case({"in_scope": Y, "facility": "热媒炉", "separated": N}, [{"separated": Y}, {"in_scope": N}]),
    "9-2": Case(
        {"in_scope": Y, "mixed_with_incompatible": N, "is_hydrosulfite": Y, "moisture_protection": N},
        [{"is_hydrosulfite": N}, {"moisture_protection": Y}, {"in_scope": N}],
        [{"is_hydrosulfite": N, "mixed_with_incompatible": Y}],
    ),
    "10-1": Case(
        {"in_scope": Y, "ph3_detector": N, "gas_mask": Y, "evacuation_confirmed": Y},
        [{"ph3_detector": Y}, {"in_scope": N}],
        [{"ph3_detector": Y, "gas_mask": N}, {"ph3_detector": Y, "evacuation_confirmed": N}],
    ),
    "10-2": Case(
        {"in_scope": Y, "fixed_co2_alarm": N, "interlock_ventilation": Y},
        [{"fixed_co2_alarm": Y}, {"in_scope": N}],
        [{"fixed_co2_alarm": Y, "interlock_ventilation": N}],
    ),
    "11-1": Case(
        {**DUST, "multi_storey": Y, "frame_structure": N, "gathering_place_inside": N},
        [{"multi_storey": N}, {"frame_structure": Y}, {"dust_explosion_risk": N}],
        [{"frame_structure": Y, "gathering_place_inside": Y}],
    ),
    "11-2": Case(
        {**DUST, "in_scope": Y, "different_dust_shared": Y, "dust_gas_shared": N, "cross_building_or_fire_zone": N},
        [{"different_dust_shared": N}, {"in_scope": N}, {"dust_explosion_risk": N}],
        [{"different_dust_shared": N, "dust_gas_shared": Y}, {"different_dust_shared": N, "cross_building_or_fire_zone": Y}],
    ),
    "11-3": Case(
        {**DUST, "dry_collector": Y, "venting": N, "inerting": N, "suppression": N},
        [{"dry_collector": N}, {"venting": Y}, {"inerting": Y}, {"suppression": Y}, {"dust_explosion_risk": N}],
    ),
    "11-4": Case(
        {**DUST, "is_al_mg_metal": Y, "positive_pressure": Y, "spark_detection": Y},
        [{"positive_pressure": N}, {"is_al_mg_metal": N}, {"dust_explosion_risk": N}],
        [{"is_al_mg_metal": N, "spark_detection": N}],
    ),
    "11-5": Case(
        {**DUST, "gravity_settling": Y, "dry_tunnel_duct": N},
        [{"gravity_settling": N}, {"dust_explosion_risk": N}],
        [{"gravity_settling": N, "dry_tunnel_duct": Y}],
    ),
    "11-6": Case(
        {**DUST, "material": "木质", "dry_collector": Y, "airlock": N},
        [{"material": "其他"}, {"dry_collector": N}, {"airlock": Y}, {"dust_explosion_risk": N}],
        [{"material": "金属"}],
    ),
    "11-7": Case(
        {**DUST, "zone": "20", "ex_compliant": N},
        [{"zone": "21"}, {"zone": "22"}, {"ex_compliant": Y}, {"dust_explosion_risk": N}],
    ),
    "11-8": Case(
        {**DUST, "mechanical_ignition_equipment": Y, "impurity_removal": N, "wood_sander_duct": N, "spark_detection": N},
        [{"mechanical_ignition_equipment": N}, {"impurity_removal": Y}, {"dust_explosion_risk": N}],
        [{"impurity_removal": Y, "wood_sander_duct": Y}],
    ),
    "11-9": Case(
        {**DUST, "water_reactive_metal": Y, "ventilated": N, "dry_storage": N, "moisture_protection": N},
        [{"water_reactive_metal": N}, {"ventilated": Y}, {"dust_explosion_risk": N}],
        [{"ventilated": Y, "dry_storage": Y}],
    ),
    "11-10": Case(
        {**DUST, "cleaning_system_implemented": N, "severe_accumulation": Y, "layer_thickness": 3.5},
        [{"cleaning_system_implemented": Y}, {"severe_accumulation": N}, {"dust_explosion_risk": N}],
        [{"layer_thickness": 0}],
    ),
    "12-1": Case(
        {**COLD, "direct_ammonia_ac": Y}, [{"direct_ammonia_ac": N}, {"in_scope": N}, {"ammonia_refrigeration": N}]
    ),
    "12-2": Case(
        {**COLD, "separate_room": Y, "people_count": 10},
        [{"people_count": 9}, {"in_scope": N}, {"ammonia_refrigeration": N}],
        [{"people_count": 0, "separate_room": N}],
    ),
    "13-1": Case(
        {"toxic_risk": Y, "identified_and_ledger": N, "warning_sign": N},
        [{"toxic_risk": N}, {"identified_and_ledger": Y}, {"warning_sign": Y}],
    ),
    "13-2": Case(
        {"in_scope": Y, "toxic_risk": Y, "entry_approved": N, "ventilate_test_work": Y, "attendant_on_site": Y},
        [{"toxic_risk": N}, {"entry_approved": Y}, {"in_scope": N}],
        [{"entry_approved": Y, "ventilate_test_work": N}, {"entry_approved": Y, "attendant_on_site": N}],
    ),
}  # fmt: skip
